"""A real nginx in front of FastCGI servers, and clients for it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.programs import program

ROOT = Path(__file__).parents[2]

CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log info;
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 50m; client_body_buffer_size 64k;
  client_body_temp_path {folder}/body; fastcgi_temp_path {folder}/fastcgi;
  proxy_temp_path {folder}/proxy; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream site {{ {servers} {keepalive} }}
  server {{
    listen unix:{folder}/front;
    location / {{
      fastcgi_pass site; {keep_conn} {more}
      fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param QUERY_STRING $query_string; fastcgi_param SCRIPT_NAME $fastcgi_script_name;
      fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param SERVER_PROTOCOL $server_protocol; fastcgi_param SERVER_NAME $server_name;
      fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
      fastcgi_param REMOTE_ADDR $remote_addr; fastcgi_param REMOTE_PORT $remote_port;
    }}
  }}
}}
"""


class Got(NamedTuple):
    """What a client was answered."""

    status: int
    fields: http.client.HTTPMessage
    body: bytes


class _Connection(http.client.HTTPConnection):
    """To a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("site.example", timeout=20.0)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Nginx:
    """Runs while the `with` block does.

    places: where FastCGI servers listen: "host:port", or the path of a Unix socket.
    kept: so many of its connections to them are kept; 0: none.  more: directives.
    """

    def __init__(
        self, folder: Path, places: Sequence[str], kept: int = 8, more: str = ""
    ) -> None:
        self.front = str(folder / "front")
        self.errors = folder / "error.log"
        servers = " ".join(
            f"server {'unix:' if place.startswith('/') else ''}{place};" for place in places
        )
        configuration = CONFIGURATION.format(
            folder=folder,
            servers=servers,
            keepalive=f"keepalive {kept};" if kept else "",
            keep_conn="fastcgi_keep_conn on;" if kept else "",
            more=more,
        )
        (folder / "nginx.conf").write_text(configuration, encoding="ascii")
        self._command = [program("nginx"), "-c", str(folder / "nginx.conf")]

    def __enter__(self) -> Nginx:
        self.process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10.0
        while True:  # it tells nobody that it is ready
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                if probe.connect_ex(self.front) == 0:
                    return self
            assert self.process.poll() is None and time.monotonic() < until, self.said()
            time.sleep(0.01)

    def __exit__(self, *exception: object) -> None:
        self.process.terminate()
        self.process.wait(10.0)

    def said(self) -> str:
        """Its log of errors."""
        return self.errors.read_text(encoding="utf-8") if self.errors.exists() else ""

    def connect(self) -> _Connection:
        """A client with a connection of its own."""
        return _Connection(self.front)

    def ask(
        self, path: str = "/", method: str = "GET", body: bytes | None = None, **fields: str
    ) -> Got:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            return ask(connection, path, method, body, **fields)
        finally:
            connection.close()


def ask(
    connection: http.client.HTTPConnection,
    path: str = "/",
    method: str = "GET",
    body: bytes | None = None,
    **fields: str,
) -> Got:
    """One request on a connection that goes on."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return Got(response.status, response.headers, response.read())


class Site:
    """A FastCGI server in a process of its own, while the `with` block runs.

    unix: where it listens, None for a free port.
    program: what it runs, in the folder of its socket; by default `tests.fcgi.site`.
    """

    def __init__(self, unix: Path | None = None, program: str | None = None) -> None:
        self.unix = unix
        self.program = program

    def __enter__(self) -> Site:
        arguments = ["-m", "tests.fcgi.site", *([str(self.unix)] if self.unix else [])]
        if self.program is not None:
            arguments = ["-c", self.program]
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.unix.parent if self.unix and self.program else None,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.program is None:
            assert self.process.stdout is not None
            self.place = self.process.stdout.readline().strip()
            assert self.place, "the site has not begun; it has said why on standard error"
        else:
            self.place = str(self.unix)
            until = time.monotonic() + 10.0
            while not Path(self.place).exists():  # it tells nobody that it is ready
                assert self.process.poll() is None and time.monotonic() < until
                time.sleep(0.01)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=10.0)

    def begin_to_stop(self) -> None:
        """Ask for an orderly stop."""
        self.process.send_signal(signal.SIGTERM)

    def stopped(self) -> int:
        """Wait for the end; returns the exit status."""
        return self.process.wait(20.0)
