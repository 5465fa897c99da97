"""The clients of a simulated world: well-behaved peers that note every answer they get or miss.

A client reads at once what arrives unless it is told to hold, keeps its connection, hangs up when
the server has announced or done so, and connects anew when it needs to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lifetime.testing.dialects import Answer, Cut, Dialect, Reader, Request
from lifetime.testing.trace import Did
from lifetime.testing.world.addresses import Address
from lifetime.testing.world.endpoint import Endpoint
from lifetime.testing.world.network import Network

Note = Callable[..., None]


@dataclass(frozen=True)
class Place:
    """Where clients may connect, and what is spoken there."""

    address: Address
    dialect: Dialect


class Client:
    """One client, with at most one connection at a time.

    place: asked for when it connects; None if nobody has ever listened.
    number_connection: gives the next connection its number.
    """

    def __init__(
        self,
        name: str,
        network: Network,
        place: Callable[[], Place | None],
        number_connection: Callable[[Endpoint], int],
        note: Note,
    ) -> None:
        self.name = name
        self.network = network
        self._place = place
        self._number_connection = number_connection
        self._note = note
        self.connection = 0
        self.received = bytearray()  # on this connection
        self._end: Endpoint | None = None
        self._reader: Reader | None = None
        self._requests: tuple[Request, ...] = ()
        self._answered = self._announces = True  # as the dialect says
        self._asked = 0  # requests begun on this connection
        self._begun: Request | None = None
        self._holds = False
        self._gone = False  # we have closed, whatever is still under way

    # What it is told to do

    def connect(self) -> None:
        """Have a connection on which a request can be sent."""
        if self._end is not None and not self._useless():
            return
        self.hang_up()
        place = self._place()
        if place is None:
            return
        self._requests = tuple(place.dialect.requests)
        self._answered = place.dialect.answered
        self._announces = place.dialect.announces
        self._reader = place.dialect.reader()
        self._asked = 0
        self._begun = None
        self._holds = self._gone = False
        self.received.clear()
        self.network.connect(
            place.address,
            lambda end, source: self._connected(end, place.address),
            lambda: self._note(self.name, Did.REFUSED, address=place.address),
        )

    def send(self, number: int) -> None:
        """Send a whole request, or the rest of one that was begun."""
        if self._begun is not None and not self._useless():
            self.finish()
            return
        self.connect()
        request = self._choose(number)
        if request is not None and self._reader is not None:
            self._asked += 1
            self._push(request.data)
            self._sent_whole(request)

    def begin(self, number: int) -> None:
        """Send the first half of a request."""
        if self._begun is not None and not self._useless():
            return
        self.connect()
        request = self._choose(number)
        if request is not None and self._reader is not None:
            self._asked += 1
            self._begun = request
            self._push(request.data[: request.half])
            self._reader.request_begun(self._asked, request)
            self._say(Did.BEGIN, number=self._asked, name=request.name, **self._unclaimed())

    def finish(self) -> None:
        """Send the rest of what was begun; nothing if nothing was."""
        request, self._begun = self._begun, None
        if request is not None and not self._useless():
            self._push(request.data[request.half :])
            self._sent_whole(request)

    def push(self, data: bytes) -> None:
        """Send just these bytes, as no request."""
        self.connect()
        if self._end is not None:
            self._push(data)

    def hold(self) -> None:
        """Read no more; what arrives fills the connection."""
        if self._end is not None and not self._holds:
            self._holds = True
            self._say(Did.HOLD)

    def read_on(self) -> None:
        """Read again."""
        if self._end is not None and self._holds:
            self._holds = False
            self._say(Did.READ_ON)
            self._arrived()

    def half_close(self) -> None:
        """Send no more."""
        if self._end is not None and not self._end.broken:
            self._end.say_end()
            self._say(Did.HALF_CLOSE)

    def hang_up(self) -> None:
        """Close, whatever is still to come."""
        self._leave("close", Endpoint.close)

    def break_off(self) -> None:
        """Reset the connection."""
        self._leave("reset", Endpoint.break_off)

    # What happens to it

    @property
    def connected(self) -> bool:
        """Whether it has a connection that nobody has ended."""
        return self._end is not None

    @property
    def owed(self) -> list[int]:
        """The requests on this connection whose answers have not come."""
        return [] if self._reader is None else self._reader.owed

    def _useless(self) -> bool:
        end = self._end
        announced = self._reader is not None and self._reader.announced
        return end is None or end.broken or end.ended or announced

    def _choose(self, number: int) -> Request | None:
        if self._end is None or not self._requests:
            return None
        return self._requests[number % len(self._requests)]

    def _connected(self, end: Endpoint, address: Address) -> None:
        self._end = end
        self.connection = self._number_connection(end)
        end.arrived = self._arrived
        end.forgets = True  # its system may be any
        self._say(Did.CONNECT, address=address)

    def _sent_whole(self, request: Request) -> None:
        assert self._reader is not None
        self._reader.request_sent(self._asked, request)
        self._say(Did.REQUEST, number=self._asked, name=request.name, **self._unclaimed())

    def _unclaimed(self) -> dict[str, bool]:
        """What is said of a request of which nobody knows whether it is ever answered."""
        return {} if self._answered else {"answered": False}

    def _push(self, data: bytes) -> None:
        assert self._end is not None
        self._say(Did.SEND, size=len(data), text=_beginning(data))
        if not self._end.broken:
            self._end.send(data)

    def _arrived(self) -> None:
        end, reader = self._end, self._reader
        if end is None or reader is None:
            return
        if end.inbox and not self._holds:
            data = end.take(len(end.inbox))
            self.received += data
            for event in reader.receive(data):
                self._tell(event)
        if end.reset:
            self._over(reader, "reset")
        elif end.ended and not end.inbox:
            self._over(reader, "close")
        elif reader.announced and not self._holds:
            self.hang_up()

    def _over(self, reader: Reader, how: str) -> None:
        """The server has ended the connection."""
        for event in reader.end(reset=how == "reset"):
            self._tell(event)
        untold = self._announces and not reader.announced
        self._say(Did.END, by="server", how=how, owed=len(reader.owed), untold=untold)
        end, self._end = self._end, None
        if end is not None:
            end.close()

    def _leave(self, how: str, leave: Callable[[Endpoint], None]) -> None:
        end, self._end = self._end, None
        if end is None or self._reader is None:
            return
        owed = len(self._reader.owed)
        untold = self._announces and not self._reader.announced
        self._say(Did.END, by="client", how=how, owed=owed, untold=untold)
        leave(end)

    def _tell(self, event: object) -> None:
        if isinstance(event, Answer):
            self._say(
                Did.ANSWER,
                number=event.number,
                status=event.status,
                final=event.final,
                refusal=event.refusal,
            )
        elif isinstance(event, Cut):
            self._say(Did.CUT, number=event.number, size=event.size)
        else:
            size: int = getattr(event, "size", 0)
            self._say(Did.SURPLUS, size=size)

    def _say(self, did: Did, **details: Any) -> None:
        self._note(self.name, did, connection=self.connection, **details)


def _beginning(data: bytes) -> str:
    text = data[:40].decode("latin-1")
    return text.split("\r\n")[0]
