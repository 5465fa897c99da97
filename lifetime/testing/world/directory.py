"""Where the clients of a simulated world may connect, what they say there, and as which number."""

from __future__ import annotations

from typing import Any

from lifetime.testing.dialects import HTTP, Dialect, Silent
from lifetime.testing.world.addresses import Address, as_key
from lifetime.testing.world.clients import Place
from lifetime.testing.world.endpoint import Endpoint


class Directory:
    """Who has ever listened, and the connections that clients have made.

    map: the socket map, whose listeners may say themselves what is spoken there.
    """

    def __init__(self, map: dict[int, Any]) -> None:
        self._map = map
        self._dialects: dict[Address | None, Dialect] = {}
        self._addresses: dict[Address, None] = {}  # in the order in which somebody listened there
        self._numbers: dict[int, int] = {}  # id of the server's end -> number
        self._ends: list[Endpoint] = []  # keeps those ids their own

    def speaks(self, dialect: Dialect, address: Any = None) -> None:
        """What clients say: everywhere, or to who listens on `address`."""
        self._dialects[None if address is None else as_key(address)] = dialect

    def add(self, address: Address) -> None:
        """Somebody listens there."""
        self._addresses[address] = None

    def place(self, client: int) -> Place | None:
        """Where the client of this number goes: to each address in turn; None if there is none."""
        addresses = list(self._addresses)
        if not addresses:
            return None
        address = addresses[(client - 1) % len(addresses)]
        dialect = self._dialects.get(address) or self._dialects.get(None)
        return Place(address, dialect or self._guess(address))

    def number(self, end: Endpoint) -> int:
        """Give a connection that a client has made its number: 1, 2, ..."""
        self._ends.append(end.peer)
        number = self._numbers[id(end.peer)] = len(self._ends)
        return number

    def number_of(self, end: Endpoint | None) -> int:
        """The number of a connection, by the server's end; 0 if no client has made it."""
        return self._numbers.get(id(end), 0)

    def _guess(self, address: Address) -> Dialect:
        """What a listener's class says of itself; of the others nothing is claimed."""
        protocol = None
        for dispatcher in self._map.values():
            known = getattr(dispatcher, "addr", None)
            if isinstance(known, tuple | str) and known and as_key(known) == address:
                protocol = getattr(dispatcher, "protocol", None)
        dialect = HTTP("/") if protocol == "HTTP" else Silent("hello\r\n")
        self._dialects[address] = dialect
        return dialect
