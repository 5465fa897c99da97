"""The same answers as tests/example_server.py, as a WSGI and an ASGI application.

    python -m tests.benchmarks.applications SITE PORT     serves the WSGI one with waitress

The ASGI one finds its folder in the environment, as SITE.
"""

import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
Scope = dict[str, Any]
Message = dict[str, Any]


class WSGI:
    """GET /hello, POST /echo, and files."""

    def __init__(self, site: Path) -> None:
        self.site = site

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/hello":
            body = b"Hello, world\n"
        elif path == "/echo":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        else:
            file = (self.site / path.lstrip("/")).open("rb")
            length = os.fstat(file.fileno()).st_size
            start_response("200 OK", [("Content-Length", str(length))])
            pieces: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
            return pieces
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]


async def asgi(
    scope: Scope,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """GET /hello, POST /echo, and files."""
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path == "/hello":
        body = b"Hello, world\n"
    elif path == "/echo":
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    else:
        body = (Path(os.environ["SITE"]) / path.lstrip("/")).read_bytes()
    length = str(len(body)).encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    import waitress

    # A limit of 100 connections would end the measurement beside idle ones before it begins.
    waitress.serve(
        WSGI(Path(sys.argv[1])),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        connection_limit=20000,
        asyncore_use_poll=True,
    )
