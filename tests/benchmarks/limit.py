"""What a Python server on one core cannot be cheaper than: an epoll loop with a canned answer.

    python -m tests.benchmarks.limit PORT

It looks for the blank line and nothing else: no method, no path, no header, no limits.  Sockets
stay registered, and answers to pipelined requests are sent together.
"""

import select
import socket
import sys
from collections.abc import Callable

CANNED = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: text/plain\r\n"
    b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    b"Content-Length: 13\r\n"
    b"\r\n"
    b"Hello, world\n"
)


def canned(data: bytes) -> bytes:
    """What one request, or several that came together, get."""
    return CANNED * data.count(b"\r\n\r\n")


def serve(port: int, answer: Callable[[bytes], bytes] = canned) -> None:
    """Answer for ever."""
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poll.poll():
            connection = connections.get(descriptor)
            if connection is None:
                connection, _ = listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                poll.register(connection.fileno(), select.EPOLLIN)
                continue
            try:
                data = connection.recv(65536)
            except ConnectionResetError:
                data = b""
            if data:
                connection.send(answer(data))
            else:
                del connections[descriptor]
                connection.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
