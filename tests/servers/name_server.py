"""A small DNS server over UDP, in a thread, that says what a test wants."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from servers.dns import Kind, write_name

#: What a server does with a question: the datagrams that it sends back.
Script = Callable[[bytes], list[bytes]]


def record(name: str, kind: int, data: bytes, ttl: int = 60, of: int = 1) -> bytes:
    """A resource record."""
    return write_name(name) + struct.pack(">HHIH", kind, of, ttl, len(data)) + data


def address(name: str, ip: str, ttl: int = 60) -> bytes:
    """An A or AAAA record."""
    packed = ipaddress.ip_address(ip).packed
    return record(name, Kind.A if len(packed) == 4 else Kind.AAAA, packed, ttl)


def pointer(name: str, to: str, ttl: int = 60, kind: int = Kind.PTR) -> bytes:
    """A PTR or CNAME record."""
    return record(name, kind, write_name(to), ttl)


def authority(zone: str, minimum: int, ttl: int = 60) -> bytes:
    """The SOA record behind a "no"."""
    data = write_name("ns." + zone) + write_name("root." + zone)
    return record(zone, Kind.SOA, data + struct.pack(">5I", 1, 2, 3, 4, minimum), ttl)


def reply(
    question: bytes,
    *answers: bytes,
    code: int = 0,
    flags: int = 0x8180,
    authorities: tuple[bytes, ...] = (),
    id: int | None = None,
) -> bytes:
    """A response to a question."""
    number = int.from_bytes(question[:2], "big") if id is None else id
    header = struct.pack(">6H", number, flags | code, 1, len(answers), len(authorities), 0)
    return header + question[12:] + b"".join(answers) + b"".join(authorities)


class NameServer:
    """What it was asked, and by whom."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[bytes] = []
        self.askers: list[tuple[str, int]] = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, name="the name server")
        self.thread.start()

    def _serve(self) -> None:
        while True:
            question, asker = self.sock.recvfrom(65536)
            if question == b"end":
                return
            self.asked.append(question)
            self.askers.append(asker)
            for each in self.script(question):
                self.sock.sendto(each, asker)

    def close(self) -> None:
        """End the thread."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"end", ("127.0.0.1", self.port))
        self.thread.join(10.0)
        self.sock.close()


@contextmanager
def name_server(script: Script) -> Iterator[NameServer]:
    """One that answers as `script` says, for as long as the block lasts."""
    server = NameServer(script)
    try:
        yield server
    finally:
        server.close()


def knows(*answers: bytes, code: int = 0, authorities: tuple[bytes, ...] = ()) -> Script:
    """A script that answers every question with the same."""
    return lambda question: [reply(question, *answers, code=code, authorities=authorities)]


def silent(question: bytes) -> list[bytes]:
    """A script that answers nothing."""
    return []
