"""Connections that have done one request and are silent since."""

import resource
import socket

REQUEST = b"GET /hello HTTP/1.1\r\nHost: example.org\r\n\r\n"
BODY = b"Hello, world\n"


def raise_descriptor_limit() -> None:
    """Allow as many descriptors as this process, and those it starts, may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class IdleConnections:
    """Grow to some number of silent connections; close() ends them all."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.sockets: list[socket.socket] = []

    def grow(self, number: int) -> None:
        """Raises OSError if the server does not answer each within ten seconds."""
        while len(self.sockets) < number:
            connection = socket.create_connection(self.address, timeout=10)
            self.sockets.append(connection)
            connection.sendall(REQUEST)
            answer = b""
            while not answer.endswith(BODY):
                data = connection.recv(4096)
                if not data:
                    raise ConnectionError(f"idle connection {len(self.sockets)} was closed")
                answer += data

    def close(self) -> None:
        for connection in self.sockets:
            connection.close()
