"""The names of ZServer 4 and of Zope 2's Lifetime and Signals, over the engine of this project.

One file for each old module, with re-exports and thin subclasses and nothing else.  Nobody inside
this project imports them.  `servers.legacy` makes them importable as `ZServer`, `Lifetime` and
`Signals`.

CONNECTION_LIMIT: connections that one server accepts at most.
LARGE_FILE_THRESHOLD: bytes of a request's body above which it waits in a file.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from servers.porting.names import PCGI

CONNECTION_LIMIT = 1000
LARGE_FILE_THRESHOLD = 524288

#: Where the old names of the package itself are; they are imported when they are asked for.
_PLACES = {
    "FCGIServer": "servers.zserver.FCGIServer",
    "FTPServer": "servers.zserver.FTPServer",
    "exit_code": "servers.zserver.Lifetime",
    "requestCloseOnExec": "servers.zserver.utils",
    "secure_monitor_server": "servers.medusa.monitor",
    "setNumberOfThreads": "servers.zserver.PubCore",
    "zhttp_handler": "servers.zserver.HTTPServer",
    "zhttp_server": "servers.zserver.HTTPServer",
}

#: Modules that old code imports from here as well.
_MODULES = {
    "asyncore": "servers.medusa.asyncore_25",
    "logger": "servers.medusa.logger",
    "resolver": "servers.medusa.resolver",
}


def __getattr__(name: str) -> object:
    """Names that old code imports from the package itself.

    Raises ImportError with one sentence for one that is left out.
    """
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name == "PCGIServer":
        raise ImportError(f"ZServer.PCGIServer is left out: {PCGI}", name=name)
    if name in _PLACES:
        value: object = getattr(import_module(_PLACES[name]), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Package(ModuleType):
    """`FTPServer` here is the class, also when the module of that name has been imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _PLACES and isinstance(value, ModuleType):
            return  # what an import does for its module; `__getattr__` finds the class in it
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
