"""The server that the golden cases were recorded with, written once more the old way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lifetime
from servers.medusa import (
    auth_handler,
    default_handler,
    filesys,
    http_server,
    producers,
    put_handler,
    redirecting_handler,
    status_handler,
    virtual_handler,
    xmlrpc_handler,
)

FILES = {
    "index.html": b"<html>index</html>\n",
    "file.txt": b"0123456789\n",
    "data.json": b'{"a": 1}\n',
    "noext": b"no extension\n",
    "zero.txt": b"",
    "sp ace.txt": b"space\n",
    "page.html.gz": b"\x1f\x8b not really\n",
    "big.bin": bytes(range(256)) * 800,
    "sub/default.html": b"<html>sub</html>\n",
}
DATE = 1057278242  # 2003-07-04 00:24:02 UTC


def fill(folder: Path) -> None:
    """Write the files."""
    for name in ("sub", "empty", "put"):
        (folder / name).mkdir()
    for name, content in FILES.items():
        path = folder / name
        path.write_bytes(content)
        os.utime(path, (DATE, DATE))


class by_prefix:
    """Matches a path and what lies below it."""

    prefix = ""

    def match(self, request: Any) -> Any:
        return request.uri[: len(self.prefix)] == self.prefix

    def send(self, request: Any, body: Any, kind: str | None = "text/plain") -> None:
        if kind:
            request["Content-Type"] = kind
        request["Content-Length"] = len(body)
        request.push(body)
        request.done()


class code_handler(by_prefix):
    prefix = "/code/"

    def handle_request(self, request: Any) -> None:
        request.error(int(request.uri[6:]))


class later_handler(by_prefix):
    prefix = "/later"

    def handle_request(self, request: Any) -> None:
        lifetime.call_later(0.1, self.send, request, "later\n", None)


class chunky_handler(by_prefix):
    prefix = "/chunky"

    def handle_request(self, request: Any) -> None:
        if request.uri == "/chunky-own":
            request["Transfer-Encoding"] = "chunked"
            request.push("11\r\nown chunks\r\ntwo\r\n\r\n0\r\n\r\n")
            request.done()
            return
        request["Content-Type"] = "text/plain"
        if request.uri == "/chunky-off":
            request.use_chunked = 0
        request.push("first ")
        request.push(producers.lines_producer([f"line {n}" for n in range(60)]))
        request.push("last")
        request.done()


class boom_handler(by_prefix):
    prefix = "/boom"

    def handle_request(self, request: Any) -> None:
        if request.uri == "/boom-late":
            request["Content-Length"] = 5
            request.push("12")
        if request.uri == "/boom-exit":
            raise SystemExit(1)
        raise ValueError("boom")


class echo_handler(by_prefix):
    prefix = "/echo"

    def handle_request(self, request: Any) -> None:
        length = request.get_header("Content-Length")
        if length is None:
            request.error(411)
        elif int(length) <= 0:
            self.continue_request(b"", request)
        else:
            request.collector = xmlrpc_handler.collector(self, request)

    def continue_request(self, data: bytes, request: Any) -> None:
        self.send(request, data, "application/octet-stream")


class show_handler(by_prefix):
    prefix = "/show"

    def handle_request(self, request: Any) -> None:
        names = ("command", "uri", "version", "request")
        lines = [f"{name}={getattr(request, name)!r}" for name in names]
        lines += [
            f"split={request.split_uri()!r}",
            f"header={request.header!r}",
            f"host={request.get_header('host')!r}",
            f"x={request.get_header('X-Test')!r}",
        ]
        self.send(request, "".join(f"{line}\n" for line in lines))


class secret_handler(show_handler):
    prefix = "/secret"


class vhost_handler(by_prefix):
    def handle_request(self, request: Any) -> None:
        self.send(request, "vhost\n", None)


class rpc_handler(xmlrpc_handler.xmlrpc_handler):
    def call(self, method: str, params: Any) -> Any:
        functions = {"echo": lambda text: text, "unmarshallable": lambda text: object()}
        return functions[method](*params)


def install(server: http_server.http_server, folder: Path) -> None:
    """Install the handlers; the first that matches wins."""
    fs = filesys.os_filesystem(str(folder))
    for handler in [
        virtual_handler.virtual_handler_with_host(vhost_handler(), "vhost.example"),
        status_handler.status_extension([server]),
        auth_handler.auth_handler({"user": "pass"}, secret_handler(), "here"),
        redirecting_handler.redirecting_handler("/old/(.*)", "/new/%s"),
        put_handler.put_handler(fs, "/put/.*"),
        rpc_handler(),
        code_handler(),
        later_handler(),
        chunky_handler(),
        boom_handler(),
        echo_handler(),
        show_handler(),
        default_handler.default_handler(fs),
    ]:
        server.install_handler(handler, 1)
