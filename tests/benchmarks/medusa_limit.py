"""What calling a handler of the old style cannot be cheaper than: an epoll loop that does no more.

    python -m tests.benchmarks.medusa_limit PORT

It calls the handler, joins what that has said, sends it and makes an access line.  It reads no
method and no field, checks nothing, knows no second request in one piece, no limit, no stop.
"""

import sys

from tests.benchmarks.limit import serve


class hello_handler:
    def match(self, request):
        return request.uri == '/hello'

    def handle_request(self, request):
        s = 'Hello, world\n'
        request['Content-Type'] = 'text/plain'
        request['Content-Length'] = len(s)
        request.push(s)
        request.done()


class null_logger:
    """Whoever measures writes an access line; what becomes of it costs nothing."""

    def log(self, message):
        pass


class Request:
    """As much of one as the handler wants."""

    __slots__ = ("fields", "pushed", "uri")

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.fields: dict[str, object] = {}
        self.pushed: list[str] = []

    def __setitem__(self, name: str, value: object) -> None:
        self.fields[name] = value

    def push(self, text: str) -> None:
        self.pushed.append(text)

    def done(self) -> None:
        pass


HANDLERS, LOGGER = [hello_handler()], null_logger()


def answer(data: bytes) -> bytes:
    """What one request gets."""
    request = Request(data[4 : data.index(b" ", 4)].decode())
    for handler in HANDLERS:
        if handler.match(request):
            handler.handle_request(request)
            break
    fields = "".join([f"{name}: {value}\r\n" for name, value in request.fields.items()])
    body = "".join(request.pushed)
    LOGGER.log(f'127.0.0.1:1 - - [now] "GET {request.uri} HTTP/1.1" 200 {len(body)}\n')
    return f"HTTP/1.1 200 OK\r\nDate: now\r\n{fields}\r\n{body}".encode()


if __name__ == "__main__":
    serve(int(sys.argv[1]), answer)
