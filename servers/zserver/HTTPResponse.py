"""ZServer's HTTPResponse: what a publishing thread answers with.

The thread fills a response; its end, and every `write`, goes to the loop through a ChannelPipe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from servers.http.status import REASONS
from servers.medusa.producers import encoded, iterator_producer


class ChannelPipe:
    """A thread's way to the client: what is written goes out behind the head of the answer."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._channel = request.channel
        self._closed = False
        self._bytes = 0
        self._flushed = False
        self._started: tuple[str, list[tuple[str, str]]] | None = None  # what WSGI has said so far

    @property
    def closed(self) -> bool:
        """Whether nobody takes what is written any more."""
        return self._closed or bool(self._channel.closed)

    def write(self, text: str | bytes, l: int | None = None) -> None:  # noqa: E741
        """Send a piece of the body, and wait for a slow client; l is its length, which is known."""
        if self.closed:
            return
        data = encoded(text)
        self._bytes += len(data)
        self._request.push(data)
        if self._flushed:
            self._request.pace(len(data))

    def push_producer(self, producer: Any) -> None:
        """Send what a producer gives."""
        if not self.closed:
            self._request.push(producer)

    def flush(self) -> None:
        """Send the head, and what was written so far."""
        if not self.closed:
            self._flushed = True
            self._request.flush()

    def close(self) -> None:
        """The answer is complete."""
        if not self._closed:
            self._closed = True
            self._request.done()

    def fail(self) -> None:
        """Answer with 500; if the head has left, the connection ends for all to see."""
        if not self._closed:
            self._closed = True
            self._request.give_up(500)

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """WSGI's: takes status and fields; they leave with the first piece of the body.

        Returns what sends a piece.  A second call needs an exc_info, which it raises if the head
        has left.  Raises AssertionError for a second call without one.
        Source: PEP 3333, "The start_response() Callable".
        """
        if exc_info is not None:
            try:
                if self._flushed:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # else the traceback would hold on to this frame
        elif self._started is not None:
            raise AssertionError("start_response() is called again without exc_info")
        self._started = status, list(headers)
        return self.write_piece

    def write_piece(self, data: bytes, is_last: bool = False) -> None:
        """Send a piece of a WSGI application's answer; an empty one is none.

        Raises AssertionError if start_response() was not called, TypeError for what is not bytes.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"a WSGI application gives bytes, not {type(data).__name__}")
        if data:
            self.send_start()
            self.write(data)
            if not self._flushed and not is_last:
                self.flush()

    def send_start(self) -> None:
        """Set what start_response() was given, once; for an answer without a body.

        Raises AssertionError if it was not called, ValueError for a status that is none.
        """
        if self._started is None:
            raise AssertionError("start_response() was not called")
        if self._bytes or self._flushed:
            return
        status, headers = self._started
        self._request.reply_code = int(status.split(" ", 1)[0])
        seen = set()
        for name, value in headers:
            if is_framing(name):
                continue
            if name.lower() in seen:
                self._request.add_header(name, value)
            else:
                self._request[name] = value
                seen.add(name.lower())

    def finish(self, response: Any) -> None:
        """The answer is complete."""
        self.close()


class ZServerHTTPResponse:
    """An answer that is made in a thread.

    stdout: a ChannelPipe, or a file that takes header and body together.
    """

    def __init__(self, stdout: Any = None, stderr: Any = None, request: Any = None) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.request = request
        self.status = 200
        self.headers: dict[str, str] = {}
        self.more_headers: list[tuple[str, str]] = []
        self.body: Any = b""
        self._wrote = False
        self._finished = False

    def setStatus(self, status: int, reason: str | None = None, lock: object = None) -> None:
        """Set the status; the reason is that of the standard."""
        self.status = int(status)

    def getStatus(self) -> int:
        """The status."""
        return self.status

    def setHeader(self, name: str, value: object, literal: object = 0) -> None:
        """Set a field; names compare without case."""
        self.headers[name.lower()] = str(value)

    def addHeader(self, name: str, value: object) -> None:
        """Send one more field of a name."""
        self.more_headers.append((name, str(value)))

    def getHeader(self, name: str, literal: object = 0) -> str | None:
        """A field that was set, or None."""
        return self.headers.get(name.lower())

    def setCookie(self, name: str, value: str, **attributes: Any) -> None:
        """Send a cookie; attributes such as path="/"."""
        parts = [f"{name}={value}"]
        parts += [f"{key.replace('_', '-').title()}={each}" for key, each in attributes.items()]
        self.addHeader("Set-Cookie", "; ".join(parts))

    def redirect(self, location: str, status: int = 302, lock: object = 0) -> str:
        """Send the client elsewhere; returns the location."""
        self.setStatus(status)
        self.setHeader("Location", location)
        return location

    def setBody(self, body: Any) -> None:
        """Set the body: text (UTF-8), bytes, a producer, an iterator, or what has a `str()`."""
        if hasattr(body, "__next__"):
            body = iterator_producer(body)
        elif not (hasattr(body, "more") or isinstance(body, str | bytes | bytearray | memoryview)):
            body = str(body)
        self.body = body
        if isinstance(body, str) and "content-type" not in self.headers:
            is_page = body.lstrip()[:1] == "<"
            kind = "text/html" if is_page else "text/plain"
            self.setHeader("Content-Type", f"{kind}; charset=utf-8")

    def write(self, data: str | bytes) -> None:
        """Send a piece of the body now; the head goes out with the first one."""
        if not self._wrote:
            self._wrote = True
            self._send_head()
            self.stdout.write(data)
            self.stdout.flush()
        else:
            self.stdout.write(data)

    def exception(self, *args: Any, **keywords: Any) -> None:
        """Answer with a short page; what went wrong is in the log, not in it."""
        self.headers.clear()
        self.setStatus(500)
        self.setHeader("Content-Type", "text/html; charset=utf-8")
        self.body = "<!DOCTYPE html>\n<title>Site Error</title>\n<h1>Site Error</h1>\n"

    def notFound(self, entry: str = "") -> None:
        """Answer with 404."""
        self.setStatus(404)
        self.setBody("<!DOCTYPE html>\n<title>Not Found</title>\n<h1>Not Found</h1>\n")

    def outputBody(self) -> None:
        """Send the body that was set."""
        if self._wrote:
            return
        self._wrote = True
        self._send_head()
        if hasattr(self.body, "more"):
            self.stdout.push_producer(self.body)
        elif self.body:
            self.stdout.write(self.body)

    def _send_head(self) -> None:
        if self.request is None:
            self.stdout.write(self.head())
            return
        self.request.reply_code = self.status
        for name, value in self.headers.items():
            if not is_framing(name):
                self.request[name] = value
        for name, value in self.more_headers:
            if not is_framing(name):
                self.request.add_header(name, value)

    def head(self) -> str:
        """Status line and fields, as text."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name.title()}: {value}" for name, value in self.headers.items()]
        lines += [f"{name}: {value}" for name, value in self.more_headers]
        return "\r\n".join([*lines, "", ""])

    def __str__(self) -> str:
        return self.head() + encoded(self.body).decode("latin-1")

    def finish(self) -> None:
        """The answer is complete; a second call does nothing.

        Raises what is wrong with a field or a body that cannot be sent; the client gets a 500.
        """
        if self._finished:
            return
        self._finished = True
        try:
            self.outputBody()
        except Exception:
            # Without its fields, or its body, it must not pass for an answer.
            if hasattr(self.stdout, "fail"):
                self.stdout.fail()
            raise
        if hasattr(self.stdout, "finish"):
            self.stdout.finish(self)

    _finish = finish


def is_framing(name: str) -> bool:
    """Whether a field would say how the answer is framed, which is up to the request.

    Whoever has published gives a body; a client that took it for chunks would lose the place where
    the next answer begins.  PEP 3333 forbids the field, and so does RFC 3875, section 6.3.4.
    """
    return name.lower() == "transfer-encoding"


def make_response(request: Any, headers: dict[str, str]) -> ZServerHTTPResponse:
    """A response for a request; headers: its CGI environment."""
    return ZServerHTTPResponse(ChannelPipe(request), request=request)
