"""The other side of FastCGI: what a web server sends, and how it reads the answers."""

from __future__ import annotations

import socket
from typing import NamedTuple

from servers.fcgi.records import (
    BEGIN,
    END,
    KEEP_CONN,
    Record,
    Role,
    Status,
    Type,
    encode_pairs,
    encode_record,
    encode_stream,
    take_record,
)


def asked(
    uri: str = "/",
    method: str = "GET",
    body: bytes | None = None,
    *,
    request_id: int = 1,
    keep: bool = False,
    role: int = Role.RESPONDER,
    padding: int = 0,
    **params: str,
) -> bytes:
    """A whole request; params: more of them, or others."""
    every = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": uri,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "site.example",
        "CONTENT_LENGTH": "" if body is None else str(len(body)),
        **params,
    }
    return b"".join(
        (
            begin(request_id, keep=keep, role=role),
            encode_record(Type.PARAMS, request_id, pairs(every), padding),
            encode_record(Type.PARAMS, request_id),
            encode_stream(Type.STDIN, request_id, body or b""),
            encode_record(Type.STDIN, request_id, b"", padding),
        )
    )


def begin(request_id: int = 1, *, keep: bool = False, role: int = Role.RESPONDER) -> bytes:
    """The record that begins a request."""
    content = BEGIN.pack(role, KEEP_CONN if keep else 0)
    return encode_record(Type.BEGIN_REQUEST, request_id, content)


def pairs(params: dict[str, str]) -> bytes:
    """Parameters as they are sent."""
    return encode_pairs((name.encode(), value.encode("latin-1")) for name, value in params.items())


class Answer(NamedTuple):
    """The answer to one request; status is 0 if there was only an end."""

    status: int
    fields: dict[str, str]
    body: bytes
    protocol_status: Status


def read_answer(content: bytes, end: bytes) -> Answer:
    """Make an answer of what came as FCGI_STDOUT, and of the record at its end."""
    application_status, protocol_status = END.unpack(end)
    assert application_status == 0
    if not content:
        return Answer(0, {}, b"", Status(protocol_status))
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first.startswith("Status: "), first
    split = [line.partition(": ") for line in lines]
    fields = {name.lower(): value for name, _, value in split}
    assert len(fields) == len(lines)
    return Answer(int(first.split()[1]), fields, body, Status(protocol_status))


class WebServer:
    """One connection of a web server."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(10.0)
        self._buffer = b""

    def send(self, data: bytes) -> WebServer:
        """Send all of it."""
        self.sock.sendall(data)
        return self

    def read_record(self) -> Record:
        """The next record."""
        while (taken := take_record(self._buffer, 0)) is None:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(f"the server has closed; unread: {self._buffer[:300]!r}")
            self._buffer += data
        record, end = taken
        self._buffer = self._buffer[end:]
        return record

    def read(self, request_id: int = 1) -> Answer:
        """The whole answer to a request."""
        content = b""
        closed = False
        while True:
            record = self.read_record()
            assert record.request_id == request_id, record
            if record.type == Type.END_REQUEST:
                assert closed or not content
                return read_answer(content, record.content)
            assert record.type == Type.STDOUT and not closed, record
            content += record.content
            closed = not record.content

    def ask(self, data: bytes) -> Answer:
        """Send a request and read its answer."""
        return self.send(data).read()

    def at_end(self) -> bool:
        """Whether the server closes the connection, having sent nothing more."""
        return not self._buffer and not self.sock.recv(1)
