"""The names of medusa 0.5.4 and of supervisor's copy, over the engine of this project.

One file for each old module, with re-exports and thin subclasses and nothing else.  Nobody inside
this project imports them.  `servers.legacy` makes them importable as `medusa` and
`supervisor.medusa`.
"""

from __future__ import annotations

from importlib import import_module


def __getattr__(name: str) -> object:
    """asyncore and asynchat, which medusa brought with it: `from medusa import asyncore`."""
    if name in ("asyncore", "asynchat"):
        return import_module(f"{__name__}.{name}_25")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
