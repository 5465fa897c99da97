"""Socket servers that shut down in phases.

Each protocol is a file, or a folder when it needs to be one: `servers.http` is the HTTP server.
They stand on `lifetime`, which owns the main loop and the phases; docs/architecture.md is the map.
"""

#: As in setup.cfg.
__version__ = "0.1.0"
