"""What the clients ask for, and what the right answer is."""

from __future__ import annotations

from dataclasses import dataclass

from lifetime.testing.live.request import Request


@dataclass(frozen=True)
class Target:
    """A URL, with what the server answered to it while nobody disturbed it.

    status: of the answer.
    body: of the answer; None if it is another one each time, and so cannot be compared.
    length: bytes of that body.
    seconds: how long the answer took.
    echoes: the body of the answer is that of the request.
    """

    method: str
    path: str
    status: int | None = None
    body: bytes | None = None
    length: int = 0
    seconds: float = 0.0
    echoes: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def head(self, address: tuple[str, int], length: int | None = None) -> bytes:
        """The request's head.  length: bytes of its body, if it has one."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {address[0]}:{address[1]}"]
        if length is not None:
            lines += ["Content-Type: application/octet-stream", f"Content-Length: {length}"]
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def request(self, kind: str, sent: bytes = b"") -> Request:
        """A request for it that knows its right answer.  sent: the body that goes with it."""
        return Request(kind, sent if self.echoes else self.body, self.status)
