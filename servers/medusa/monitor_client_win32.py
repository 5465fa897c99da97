"""medusa's monitor_client_win32: a terminal for a monitor, where `select` knows only sockets.

    python -m servers.medusa.monitor_client_win32 HOST PORT
"""

from __future__ import annotations

import getpass
import socket
import sys
import threading

from servers.medusa.monitor import hex_digest
from servers.medusa.monitor_client import answer_to

__all__ = ["hex_digest", "reader", "writer"]

#: Seconds for which connecting and the challenge may take.
TIMEOUT = 10.0


def reader(sock: socket.socket) -> None:
    """In a thread: show what comes, until the other side hangs up."""
    while data := _received(sock):
        sys.stdout.write(data.decode("utf-8", "replace").replace("\r\n", "\n"))
        sys.stdout.flush()


def _received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(4096)
    except OSError:
        return b""


def writer(sock: socket.socket) -> None:
    """Send what is typed, until there is no more of it."""
    try:
        for line in sys.stdin:
            sock.sendall(line.rstrip("\n").encode() + b"\r\n")
        sock.sendall(b"exit\r\n")
    except OSError:
        pass  # the other side has hung up, and the reader has noticed


def main(arguments: list[str]) -> int:
    """A session from the command line."""
    try:
        host, port = arguments
        address = host, int(port)
    except ValueError:
        sys.stderr.write("usage: python -m servers.medusa.monitor_client_win32 HOST PORT\n")
        return 2
    password = getpass.getpass("Enter Password: ")
    with socket.create_connection(address, TIMEOUT) as sock:
        if password:
            challenge = b""
            while not challenge.endswith(b"\r\n") and (byte := sock.recv(1)):
                challenge += byte
            answer = answer_to(challenge.decode("latin-1").strip(), password)
            sock.sendall(answer.encode("ascii") + b"\r\n")
        sock.settimeout(None)
        shown = threading.Thread(target=reader, args=(sock,), daemon=True)
        shown.start()
        writer(sock)
        shown.join()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
