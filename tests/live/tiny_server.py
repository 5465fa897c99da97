"""A small HTTP server that stops as it should, in a form that is easily spoilt.

A thread for each connection, each of which blocks in 20 ms steps so that it sees the stop. It knows
/ and /slow and /large, and echoes what is POSTed. wrong_servers.py overrides one method at a time.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time

STEP = 0.02  # seconds between two looks at what has changed
SLOW = 0.25  # seconds
LINGER = 0.3  # seconds for which a connection is kept that was not told to close
LARGE = bytes(range(256)) * 32768  # 8 MiB


class Gone(Exception):
    """The connection is over."""


class Server:
    """Serves until TERM, then empties the queue, closes the door, and finishes."""

    exit_status = 0

    def __init__(self, host: str, port: int) -> None:
        self.signals = 0
        self.channels: list[threading.Thread] = []
        self.wake, wake = socket.socketpair()
        wake.setblocking(False)
        self.keep = wake
        signal.signal(signal.SIGTERM, self.handle_signal)
        signal.set_wakeup_fd(wake.fileno())
        self.listener = socket.create_server((host, port), backlog=128)
        self.listener.setblocking(False)

    @property
    def stopping(self) -> bool:
        return self.signals > 0

    def handle_signal(self, number: int, frame: object) -> None:
        self.signals += 1

    def run(self) -> int:
        while not self.stopping:
            ready, _, _ = select.select([self.listener, self.wake], [], [])
            if self.listener in ready:
                self.accept()
        self.stop()
        return self.exit_status

    def stop(self) -> None:
        self.empty_queue()
        self.listener.close()
        self.drain()

    def accept(self) -> bool:
        try:
            sock, _ = self.listener.accept()
        except BlockingIOError:
            return False
        channel = threading.Thread(target=self.serve, args=(sock,), daemon=True)
        self.channels.append(channel)
        channel.start()
        return True

    def empty_queue(self) -> None:
        while self.accept():
            pass

    def drain(self) -> None:
        for channel in self.channels:
            while channel.is_alive() and not self.hurried():
                channel.join(STEP)

    def hurried(self) -> bool:
        return self.signals > 1

    def serve(self, sock: socket.socket) -> None:
        try:
            Channel(self, sock).run()
        except (Gone, OSError):
            pass
        finally:
            sock.close()

    # What the wrong ones do otherwise, on one connection.

    def may_close(self, channel: Channel) -> bool:
        """Stopping, and it is quiet: nothing has come for a while."""
        return channel.quiet() > LINGER

    def announces(self, channel: Channel) -> bool:
        """This answer is the last one: nothing has been asked yet that comes behind it."""
        return self.stopping and not channel.buffer

    def answer(self, path: str, body: bytes) -> tuple[str, bytes]:
        """Status and body."""
        if path == "/slow":
            self.work()
        return "200 OK", body or (LARGE if path == "/large" else b"hello\n")

    def work(self) -> None:
        time.sleep(SLOW)

    def send(self, channel: Channel, data: bytes) -> None:
        channel.sock.settimeout(None)
        channel.sock.sendall(data)

    def close(self, channel: Channel) -> None:
        """Close so that nothing that was sent gets lost: wait until the client hangs up."""
        channel.sock.shutdown(socket.SHUT_WR)
        channel.sock.settimeout(1.0)
        while channel.sock.recv(65536):
            pass


class Channel:
    """One connection."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        self.buffer = b""
        self.reads_body = False
        self.quiet_since = time.monotonic()

    def quiet(self) -> float:
        """Seconds for which nothing has been owed and nothing has come."""
        owed = self.buffer or self.reads_body
        return 0.0 if owed else time.monotonic() - self.quiet_since

    def run(self) -> None:
        last = False
        while not last:
            head = self.read_head()
            body = self.read_body(head)
            path = head.split()[1].decode()
            status, content = self.server.answer(path, body)
            last = self.server.announces(self)
            lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}"]
            lines += ["Connection: close"] if last else []
            self.server.send(self, "\r\n".join([*lines, "", ""]).encode() + content)
            self.quiet_since = time.monotonic()
        self.server.close(self)

    def read_head(self) -> bytes:
        while b"\r\n\r\n" not in self.buffer:
            self.read()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head

    def read_body(self, head: bytes) -> bytes:
        _, found, length = head.partition(b"Content-Length: ")
        count = int(length.split()[0]) if found else 0
        self.reads_body = True
        while len(self.buffer) < count:
            self.read()
        self.reads_body = False
        body, self.buffer = self.buffer[:count], self.buffer[count:]
        return body

    def read(self) -> None:
        """Add what comes to the buffer.  Raises Gone if nothing will, or nothing is waited for."""
        self.sock.settimeout(STEP)
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            if self.server.stopping and self.server.may_close(self):
                raise Gone from None
            return
        if not data:
            raise Gone
        self.buffer += data


def main(server_class: type[Server]) -> None:
    host, port = sys.argv[-2:]
    status = server_class(host, int(port)).run()
    sys.stderr.flush()
    os._exit(status)  # threads that hold on to a connection end with us


if __name__ == "__main__":
    main(Server)
