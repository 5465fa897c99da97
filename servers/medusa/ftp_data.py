"""The data connections of medusa's ftp_server: how they come about, and what moves over them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from servers.ftp.data import ActiveData, PassiveData, Transfer
from servers.medusa import producers
from servers.medusa.producers import encoded
from servers.producers import close as close_producer

if TYPE_CHECKING:
    from servers.medusa.ftp_server import ftp_channel


class passive_acceptor(PassiveData):
    """Waits for the client's data connection; `addr` is where."""

    def __init__(self, control_channel: Any) -> None:
        self.control_channel = control_channel
        super().__init__(control_channel)


class active_connector(ActiveData):
    """Connects to the client, which has been told so already."""

    reply = ""


class data_connection(Transfer):
    """A data connection; what an old channel moves over it is never converted."""

    def enable_receiving(self, type: str, cmd: str) -> None:
        """Take a file as it is."""
        super().enable_receiving("i", cmd)

    def close(self) -> None:
        """Close it, and count what it has moved."""
        if not self._closed:
            server = self.cmd_channel.server
            server.total_bytes_out.increment(self.tot_bytes_sent)
            server.total_bytes_in.increment(self.tot_bytes_received)
        super().close()


class xmit_channel:
    """What is to be sent over the data connection, once there is one.

    It leaves when `close_when_done()` has been called.
    """

    name = "data"
    closed = False

    def __init__(self, channel: ftp_channel, client_addr: Any = None) -> None:
        self.channel = channel
        self.client_addr = client_addr
        self.bytes_out = 0
        self.producers: deque[Any] = deque()

    def push(self, data: str | bytes) -> None:
        """Send data."""
        self.push_with_producer(producers.simple_producer(data))

    def push_with_producer(self, producer: Any) -> None:
        """Send what a producer gives."""
        self.producers.append(producer)

    def close_when_done(self) -> None:
        """That is all: let it go."""
        self.channel.transmit(self)

    def more(self) -> bytes:
        """The next piece."""
        while self.producers:
            piece = encoded(self.producers[0].more())
            if piece:
                self.bytes_out += len(piece)
                return piece
            close_producer(self.producers.popleft())
        return b""

    def close(self) -> None:
        """Give back what has not been sent."""
        self.closed = True
        while self.producers:
            close_producer(self.producers.popleft())


class recv_channel:
    """Where that goes which comes over the data connection: a file, which is closed at the end."""

    def __init__(self, channel: ftp_channel, client_addr: Any, fd: Any) -> None:
        self.channel = channel
        self.client_addr = client_addr
        self.fd = fd
        self.name = getattr(fd, "name", "data")
        self.bytes_in = 0
        self.closed = False
        channel.receive(self)

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self.bytes_in += len(data)
        self.fd.write(data)

    def close(self) -> None:
        """Close the file.  Raises OSError if that fails."""
        if not self.closed:
            self.closed = True
            self.fd.close()
