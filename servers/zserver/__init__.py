"""The names of ZServer 4 and of Zope 2's Lifetime and Signals, over the engine of this project.

One file for each old module, with re-exports and thin subclasses and nothing else.  Nobody inside
this project imports them.  `servers.legacy` makes them importable as `ZServer`, `Lifetime` and
`Signals`.

CONNECTION_LIMIT: connections that one server accepts at most.
LARGE_FILE_THRESHOLD: bytes of a request's body above which it waits in a file.
"""

from __future__ import annotations

from importlib import import_module

CONNECTION_LIMIT = 1000
LARGE_FILE_THRESHOLD = 524288

#: Where the old names of the package itself are; they are imported when they are asked for.
_PLACES = {
    "exit_code": "servers.zserver.Lifetime",
    "requestCloseOnExec": "servers.zserver.utils",
    "setNumberOfThreads": "servers.zserver.PubCore",
    "zhttp_handler": "servers.zserver.HTTPServer",
    "zhttp_server": "servers.zserver.HTTPServer",
}


def __getattr__(name: str) -> object:
    """Names that old code imports from the package itself."""
    if name == "logger":
        return import_module("servers.medusa.logger")
    if name in _PLACES:
        value: object = getattr(import_module(_PLACES[name]), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
