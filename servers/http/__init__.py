"""The HTTP server: `HTTPListener`, and what a handler sees of a `Request`."""

from servers.http.errors import ClientError, MisuseError, ProtocolError
from servers.http.leniency import Leniency
from servers.http.limits import Limits
from servers.http.listener import Handler, HTTPListener
from servers.http.request import Request

__all__ = [
    "ClientError",
    "HTTPListener",
    "Handler",
    "Leniency",
    "Limits",
    "MisuseError",
    "ProtocolError",
    "Request",
]
