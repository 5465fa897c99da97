"""What a dispatcher lacks its socket has: `channel.getsockname()`, as with Python 2's dispatchers.

Those had a `__getattr__`.  A class that has one is slow in reading each attribute of its objects,
also those that are there, and the engine reads some sixty for a request.  So the names are given
one by one: those of the sockets that Python has; what else the socket is, is asked of `socket`.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any


class _Passed:
    """An attribute that is the socket's of that name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, dispatcher: Any, kind: type) -> Any:
        sock = getattr(dispatcher, "socket", None)
        if sock is None or not hasattr(sock, self.name):
            raise AttributeError(f"{kind.__name__!r} object has no attribute {self.name!r}")
        return getattr(sock, self.name)


class OfTheSocket:
    """The last base of a dispatcher: what stands before it has its own, the socket has the rest."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


for _name in {*dir(socket.socket), *dir(ssl.SSLSocket)}:
    if not _name.startswith("_"):
        setattr(OfTheSocket, _name, _Passed(_name))
