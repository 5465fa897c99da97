"""A client in a test's hand: what it is told to do happens at once, and is part of the scenario."""

from __future__ import annotations

from collections.abc import Callable

from lifetime.testing.events import (
    Begin,
    Connect,
    Event,
    Finish,
    HalfClose,
    HangUp,
    Hold,
    ReadOn,
    Reset,
    Send,
)
from lifetime.testing.world.clients import Client


class ClientInHand:
    """One client of a `SteppedWorld`.

    happens: lets an event happen, and what comes of it at once; advance: lets just that come.
    request: a number of the dialect's requests, see `World.speaks`.
    """

    def __init__(
        self,
        number: int,
        client: Client,
        happens: Callable[[Event], None],
        advance: Callable[[], None],
    ) -> None:
        self.number = number
        self._client = client
        self._happens = happens
        self._advance = advance

    def connect(self) -> None:
        """Have a connection; the other methods connect by need."""
        self._happens(Connect(self.number))

    def send(self, request: int = 0, times: int = 1) -> None:
        """Send a whole request, or several at once, pipelined."""
        self._happens(Send(self.number, request, times))

    def begin(self, request: int = 0) -> None:
        """Send the first half of a request."""
        self._happens(Begin(self.number, request))

    def finish(self) -> None:
        """Send the rest of what was begun."""
        self._happens(Finish(self.number))

    def push(self, data: bytes) -> None:
        """Send just these bytes, as no request.  A replay of the run lacks them."""
        self.connect()
        self._client.push(data)
        self._advance()

    def hold(self) -> None:
        """Read no more, until `read_on`."""
        self._happens(Hold(self.number))

    def read_on(self) -> None:
        """Read again."""
        self._happens(ReadOn(self.number))

    def half_close(self) -> None:
        """Send no more, but read."""
        self._happens(HalfClose(self.number))

    def hang_up(self) -> None:
        """Close the connection."""
        self._happens(HangUp(self.number))

    def reset(self) -> None:
        """Break the connection."""
        self._happens(Reset(self.number))

    @property
    def received(self) -> bytes:
        """All that has come on its last connection."""
        return bytes(self._client.received)

    @property
    def connected(self) -> bool:
        """Whether it has a connection that nobody has ended."""
        return self._client.connected

    @property
    def owed(self) -> list[int]:
        """The numbers of its requests on this connection whose answers have not come: 1, 2, ..."""
        return self._client.owed
