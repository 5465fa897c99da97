"""What web servers say in simulated worlds, and what they take for an answer."""

from __future__ import annotations

from lifetime.testing.dialects import Cut, Heard, Queue, Request, Surplus
from servers.fcgi.records import KEEP_CONN, RecordError, Type, take_record
from tests.fcgi.web_server import asked, read_answer

#: Where the flags of the first record are.
FLAGS = 10


class FastCGI:
    """Requests of web servers that wait for the answer to one before they send the next."""

    name = "FastCGI"
    answered = True
    announces = False  # a connection ends together with the answer, or is quiet before

    def __init__(self) -> None:
        self.requests = (
            Request("GET, kept", asked("/", keep=True)),
            Request("POST", asked("/echo", "POST", b"hello" * 20)),
        )

    def reader(self) -> Reader:
        return Reader()


class Reader(Queue):
    """Reads records; a request is answered by whatever ends with FCGI_END_REQUEST."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = b""
        self._content = b""
        self._size = 0  # bytes of the answer that is coming

    def receive(self, data: bytes) -> list[Heard]:
        self._buffer += data
        heard: list[Heard] = []
        position = 0
        try:
            while taken := take_record(self._buffer, position):
                record, end = taken
                self._size += end - position
                position = end
                if record.type == Type.STDOUT:
                    self._content += record.content
                elif record.type == Type.END_REQUEST:
                    heard.append(self._complete(record.content))
        except RecordError:
            return [*heard, Surplus(len(data))]
        self._buffer = self._buffer[position:]
        return heard

    def _complete(self, end: bytes) -> Heard:
        content, self._content, size, self._size = self._content, b"", self._size, 0
        answer = read_answer(content, end)
        if not self.awaited:
            return Surplus(size)
        final = not self.awaited[0].request.data[FLAGS] & KEEP_CONN
        return self.answered(answer.status, final, final and answer.status >= 400, size)

    def end(self, reset: bool = False) -> list[Heard]:
        size = self._size + len(self._buffer)
        self._buffer, self._size = b"", 0
        if not size:
            return []
        return [Cut(self.owed[0], size) if self.owed else Surplus(size)]
