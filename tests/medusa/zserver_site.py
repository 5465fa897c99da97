"""The application that the golden cases of ZServer were recorded with, written once more."""

from __future__ import annotations

import time
from typing import Any


class root:
    """Methods by the first name of the path; what follows is ignored."""

    def __call__(self, request: Any, response: Any) -> Any:
        method = request.environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD", "POST"):
            response.setStatus(405)
            response.setHeader("Allow", "GET, HEAD, POST")
            return None
        name = request.environ["PATH_INFO"].lstrip("/").split("/")[0]
        published = getattr(self, f"do_{name or 'index'}", None)
        if published is None:
            response.notFound()
            return None
        return published(request, response)

    def do_index(self, request: Any, response: Any) -> Any:
        response.setHeader("Content-Type", "text/plain; charset=utf-8")
        return "<html>index</html>\n"

    def do_show(self, request: Any, response: Any) -> Any:
        hidden = ("SERVER_PORT", "SERVER_SOFTWARE", "CONNECTION_TYPE")
        names = sorted(n for n in request.environ if n.isupper() and n not in hidden)
        return "".join(f"{name}={request.environ[name]!r}\n" for name in names)

    def do_echo(self, request: Any, response: Any) -> Any:
        response.setHeader("Content-Type", "application/octet-stream")
        return request.stdin.read() or b"(empty)"

    def do_slow(self, request: Any, response: Any) -> Any:
        time.sleep(min(float(request.environ["QUERY_STRING"]), 0.1))
        return "slow done\n"

    def do_big(self, request: Any, response: Any) -> Any:
        response.setHeader("Content-Type", "application/octet-stream")
        return b"x" * int(request.environ["QUERY_STRING"])

    def do_stream(self, request: Any, response: Any) -> Any:
        response.setHeader("Content-Type", "text/plain; charset=utf-8")
        for number in range(5):
            response.write(f"part {number}\n")

    def do_stream_len(self, request: Any, response: Any) -> Any:
        response.setHeader("Content-Length", 10)
        response.write("01234")
        response.write("56789")

    def do_boom(self, request: Any, response: Any) -> Any:
        raise ValueError("boom")

    def do_empty(self, request: Any, response: Any) -> Any:
        return None

    def do_redirect(self, request: Any, response: Any) -> Any:
        response.redirect("http://other.example/x")

    def do_notmod(self, request: Any, response: Any) -> Any:
        response.setStatus(304)

    def do_cookie(self, request: Any, response: Any) -> Any:
        response.setCookie("a", "b", path="/")
        return "cookie\n"
