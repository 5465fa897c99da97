"""A transcript, said to a site parcel by parcel; and all that came of it.

Between two parcels the site's loop has come to rest, so that nothing depends on who is faster.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from typing import Any, NamedTuple

from tests.processes.server import ServerProcess
from tests.wire.conftest import Peer

DATE = re.compile(rb"Date: [A-Z][a-z]{2}, [^\r]*GMT")


class Parcel(NamedTuple):
    """What one connection sends at once."""

    connection: int
    data: bytes


class Transcript(NamedTuple):
    """Listeners by name, one for each connection; what is sent, in order; what is kept."""

    listeners: tuple[str, ...]
    parcels: tuple[Parcel, ...]
    keep: bool = False


class Talker:
    """One site in a process of its own, and who talks to it."""

    def __init__(self, *, with_lane: bool) -> None:
        setting = ["-u", "LIFETIME_PURE_PYTHON"] if with_lane else ["LIFETIME_PURE_PYTHON=1"]
        self.process = ServerProcess(["env", *setting, sys.executable, "-m", "tests.lane.site"])
        self.control = Peer(socket.create_connection(("127.0.0.1", self.process.port), 10.0))
        site = self.ask("/site")
        self.has_lane: bool = site["lane"]
        self.ports: dict[str, int] = site["ports"]

    def ask(self, path: str) -> Any:
        """What the site says of itself."""
        self.control.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        status, _, body = self.control.read_reply()
        assert status == 200, body
        return json.loads(body)

    def talk(self, transcript: Transcript) -> dict[str, Any]:
        """Say all of it; what came back, and what the site tells of it."""
        self.ask(f"/begin?{'keep' if transcript.keep else ''}")
        lines = [Line(self.ports[name]) for name in transcript.listeners]
        try:
            self.ask("/turn")
            for number, data in transcript.parcels:
                lines[number].send(data)
                self.hear(lines)
            told = self.ask("/told")
            for each in lines:
                each.end()
            self.hear(lines)
            return {
                "heard": [each.heard() for each in lines],
                "told": told,
                "told at the end": self.ask("/told"),
            }
        finally:
            for each in lines:
                each.sock.close()

    def hear(self, lines: list[Line]) -> None:
        """Take what comes until nothing is to come."""
        while True:
            waiting = self.ask("/turn")
            news = [each.hear() for each in lines]
            if not waiting and not any(news):
                return

    def close(self) -> None:
        """End the process."""
        self.control.sock.close()
        self.process.close()


class Line:
    """One connection, as its client sees it."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 10.0)
        self.sock.settimeout(None)  # or MSG_DONTWAIT would wait
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.marks: list[str] = []

    def send(self, data: bytes) -> None:
        """Send, if anybody takes it."""
        try:
            self.sock.sendall(data)
        except OSError as error:
            self.marks.append(type(error).__name__)

    def hear(self) -> bool:
        """Take what is here.  True if something was."""
        heard = False
        while self.marks[-1:] != ["end"] and self.marks[-1:] != ["reset"]:
            try:
                data = self.sock.recv(1 << 20, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                self.marks.append("reset")
                break
            if not data:
                self.marks.append("end")
                break
            self.data += data
            heard = True
        return heard

    def end(self) -> None:
        """Say that there will be no more."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.marks.append(type(error).__name__)

    def heard(self) -> list[Any]:
        """Everything, and how it ended."""
        return [DATE.sub(b"Date: *", self.data).decode("latin-1"), self.marks]


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two of the things that were told differ, and in what."""
    if one == other:
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            line
            for name in {**one, **other}
            for line in differences(one.get(name), other.get(name), f"{place}/{name}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for number, pair in enumerate(zip(one, other, strict=True))
            for line in differences(*pair, f"{place}/{number}")
        ]
    return [f"{place}: {str(one)[:2000]}", f"{'instead of':>{len(place)}}: {str(other)[:2000]}"]
