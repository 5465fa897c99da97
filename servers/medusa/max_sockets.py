"""medusa's max_sockets: how many sockets this process may have."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack

#: Counting by exhaustion ends here, whatever the limit is.
MOST = 4096


def max_server_sockets() -> int:
    """How many listening sockets can be open at once, at most `MOST`."""
    return _count(listens=True)


def max_client_sockets() -> int:
    """How many sockets can be open at once, at most `MOST`."""
    return _count(listens=False)


def max_select_sockets() -> int:
    """How many sockets `select` takes at once, at most `MOST`."""
    with ExitStack() as held:
        sockets: list[socket.socket] = []
        try:
            while len(sockets) < MOST:
                sockets.append(held.enter_context(socket.socket()))
                select.select([sockets[-1]], [], [], 0)
        except (OSError, ValueError):
            return len(sockets) - 1
        return len(sockets)


def _count(listens: bool) -> int:
    with ExitStack() as held:
        for number in range(MOST):
            try:
                sock = held.enter_context(socket.socket())
                if listens:
                    sock.bind(("127.0.0.1", 0))
                    sock.listen(5)
            except OSError:
                return number
        return MOST
