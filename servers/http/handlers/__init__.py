"""Handlers: objects that are asked `match(request)` and then told `handle_request(request)`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from servers.http.handlers.auth import BasicAuth
from servers.http.handlers.files import Files
from servers.http.handlers.put import Put
from servers.http.handlers.redirect import Redirect
from servers.http.handlers.status import Status
from servers.http.handlers.virtual_host import VirtualHost

if TYPE_CHECKING:
    from servers.http.handlers.xmlrpc import XMLRPC

__all__ = ["XMLRPC", "BasicAuth", "Files", "Put", "Redirect", "Status", "VirtualHost"]


def __getattr__(name: str) -> object:
    """XMLRPC is an extra, and costs whoever has no use for it nothing."""
    if name == "XMLRPC":
        handler: object = import_module("servers.http.handlers.xmlrpc").XMLRPC
        return handler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
