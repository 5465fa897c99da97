"""The system of one simulated world: its descriptors, what is behind them, and who watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

from lifetime.testing.world.addresses import Address
from lifetime.testing.world.files import SocketFiles
from lifetime.testing.world.network import Network

if TYPE_CHECKING:
    from lifetime.testing.world.datagrams import DatagramSocket
    from lifetime.testing.world.sockets import SimulatedSocket

#: Virtual descriptors begin here: the system has none as high, so none of its calls takes one.
FIRST_DESCRIPTOR = 100_000


class Observer(Protocol):
    """Who wants to know what the server's sockets do."""

    def listening(self, sock: SimulatedSocket) -> None:
        """It listens."""

    def deaf(self, sock: SimulatedSocket, dropped: int) -> None:
        """It listens no more, and so many in its queue were dropped."""

    def accepted(self, listener: SimulatedSocket, sock: SimulatedSocket) -> None:
        """A connection was taken from the queue."""

    def reads(self, sock: SimulatedSocket, size: int) -> None:
        """It has read so many bytes; 0 is the end."""

    def writes(self, sock: SimulatedSocket, size: int) -> None:
        """It has sent so many bytes."""

    def closing(self, sock: SimulatedSocket) -> None:
        """It is about to close a connection."""


class System:
    """The descriptors of one world, and what is behind them."""

    def __init__(self, network: Network, observer: Observer) -> None:
        self.network = network
        self.observer = observer
        self.files = SocketFiles()
        # Weak, for a socket that nobody has any more is closed, as a real one.
        self.sockets: WeakValueDictionary[int, SimulatedSocket] = WeakValueDictionary()
        self.datagrams: WeakValueDictionary[Address, DatagramSocket] = WeakValueDictionary()

    def new_descriptor(self) -> int:
        """The lowest that is free, as the system does: numbers come back soon."""
        number = FIRST_DESCRIPTOR
        while number in self.sockets:
            number += 1
        return number
