"""Servers that stop in a wrong way each: tiny_server.py with one thing spoilt.

    python wrong_servers.py NAME HOST PORT
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time

import tiny_server
from tiny_server import Channel, Gone, Server

RESET = struct.pack("ii", 1, 0)


class DropsTheAcceptQueue(Server):
    def empty_queue(self) -> None:
        pass


class LosesPipelinedRequests(Server):
    def announces(self, channel: Channel) -> bool:
        return self.stopping

    def close(self, channel: Channel) -> None:
        channel.buffer = b""
        super().close(channel)


class ClosesBehindAnUnannouncedAnswer(Server):
    def send(self, channel: Channel, data: bytes) -> None:
        stopping = self.stopping and not channel.buffer
        super().send(channel, data.replace(b"Connection: close\r\n", b"") if stopping else data)


class ClosesWithUnsentBytes(Server):
    def send(self, channel: Channel, data: bytes) -> None:
        channel.sock.settimeout(None)
        while data:
            data = data[channel.sock.send(data[:65536]) :]
            if data and self.stopping:
                raise Gone


class CutsAnswersThatOnlyTheEndDelimits(Server):
    """A cut that looks like a complete answer to whoever does not know the body."""

    def send(self, channel: Channel, data: bytes) -> None:
        if self.stopping:
            head, _, body = data.partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if b"Length" not in line]
            data = b"\r\n".join([*lines, b"", body[: len(body) // 2]])
        super().send(channel, data)
        if self.stopping:
            self.close(channel)
            raise Gone


class ResetsThoseInFlight(Server):
    def work(self) -> None:
        begun = time.monotonic()
        while time.monotonic() - begun < tiny_server.SLOW:
            time.sleep(0.01)
            if self.stopping:
                raise Gone

    def serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        super().serve(sock)


class IgnoresTheSignal(Server):
    def handle_signal(self, number: int, frame: object) -> None:
        pass


class NeverExits(Server):
    def drain(self) -> None:
        while True:
            time.sleep(1)


class ExitsLate(Server):
    def drain(self) -> None:
        super().drain()
        if not self.hurried():
            time.sleep(1.3)


class WaitsForTheIdle(Server):
    """Keeps connections open that owe nothing, much longer than a linger."""

    def may_close(self, channel: Channel) -> bool:
        return channel.quiet() > 10


class IgnoresTheSecondSignal(Server):
    def hurried(self) -> bool:
        return False


class SaysItFailed(Server):
    exit_status = 1


class CrashesAtTheSignal(Server):
    def stop(self) -> None:
        self.listener.close()
        print("Traceback: no such thing", file=sys.stderr)
        self.exit_status = 70


class LeavesAChild(Server):
    def __init__(self, host: str, port: int) -> None:
        subprocess.Popen(["sleep", "30"])
        super().__init__(host, port)


class LeavesADaemon(Server):
    """The child leaves the process group."""

    def __init__(self, host: str, port: int) -> None:
        subprocess.Popen(["sleep", "30"], start_new_session=True)
        super().__init__(host, port)


class LeavesAChildThatListens(Server):
    def run(self) -> int:
        os.set_inheritable(self.listener.fileno(), True)
        subprocess.Popen(["sleep", "30"], close_fds=False)
        return super().run()


class AnswersTwice(Server):
    def send(self, channel: Channel, data: bytes) -> None:
        super().send(channel, data * 2 if self.announces(channel) and len(data) < 999 else data)


class AnswersSomethingElse(Server):
    def answer(self, path: str, body: bytes) -> tuple[str, bytes]:
        status, content = super().answer(path, body)
        return status, b"I am off\n" if self.stopping else content


class AnswersWithAnError(Server):
    def answer(self, path: str, body: bytes) -> tuple[str, bytes]:
        status, content = super().answer(path, body)
        return "500 Oops" if self.stopping else status, content


class ForgetsHalfAHead(Server):
    def may_close(self, channel: Channel) -> bool:
        return super().may_close(channel) or bool(channel.buffer and not channel.reads_body)


class ForgetsUploads(Server):
    def may_close(self, channel: Channel) -> bool:
        return super().may_close(channel) or channel.reads_body


class ListensAgain(Server):
    def drain(self) -> None:
        time.sleep(0.1)
        self.listener = socket.create_server(self.address)
        self.listener.setblocking(False)
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            self.accept()
            time.sleep(0.005)
        self.empty_queue()
        self.listener.close()
        super().drain()

    def stop(self) -> None:
        self.address = self.listener.getsockname()
        super().stop()


class AcceptsAndDropsNewcomers(Server):
    def empty_queue(self) -> None:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            try:
                self.listener.accept()[0].close()
            except BlockingIOError:
                time.sleep(0.005)


class RefusesVisibly(Server):
    """Not wrong: whoever is answered 503 knows what to do."""

    def answer(self, path: str, body: bytes) -> tuple[str, bytes]:
        if self.stopping and path == "/":
            return "503 Service Unavailable", b"try elsewhere\n"
        return super().answer(path, body)


class DiesAtStart(Server):
    def __init__(self, host: str, port: int) -> None:
        raise SystemExit("cannot read /etc/nothing.conf")


class NeverListens(Server):
    def __init__(self, host: str, port: int) -> None:
        print("thinking about it", file=sys.stderr, flush=True)
        time.sleep(30)


class NeverAnswers(Server):
    def serve(self, sock: socket.socket) -> None:
        time.sleep(30)


class DiesUnderLoad(Server):
    """In its main thread, so that it says so once."""

    def accept(self) -> bool:
        if threading.active_count() > 10:
            print("too much", file=sys.stderr, flush=True)
            os._exit(9)
        return super().accept()


if __name__ == "__main__":
    tiny_server.main(globals()[sys.argv[1]])
