"""A real supervisord, on its own medusa or on ours, and its clients."""

from __future__ import annotations

import base64
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lifetime.testing.live.server import ServerProcess, free_port
from tests.suites.installed import ENVIRONMENT, ROOT

#: Seconds for which anything may take.
PATIENCE = 30.0

#: `echo` says what is sent to its standard input; `slow` counts as started after a second.
CONFIGURATION = """
[unix_http_server]
file=%(here)s/socket
[inet_http_server]
port=127.0.0.1:{port}
username=user
password=pass:word
[supervisord]
nodaemon=true
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/socket
[program:echo]
command=/bin/cat
startsecs=0
autostart=false
[program:slow]
command=/bin/cat
startsecs=1
autostart=false
"""

LOGIN = "Authorization: Basic " + base64.b64encode(b"user:pass:word").decode()

#: What is different from one run to the next, whoever serves.
VARYING = [
    (re.compile(r"pid \d+"), "pid PID"),
    (re.compile(r"\d+:\d\d:\d\d"), "H:MM:SS"),
    (re.compile(r"\d{4}-\d\d-\d\d .*? (?=[A-Z])"), ""),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
]


class Answer(NamedTuple):
    """What came back over HTTP: fields by lower-case name, the body decoded."""

    status: str
    fields: dict[str, str]
    body: str


class Supervisord:
    """supervisord in a folder.

    ours: whether the switch has put our medusa below it, and below supervisorctl.
    """

    def __init__(self, folder: Path, ours: bool) -> None:
        self.folder = folder
        self.ours = ours
        self.port = free_port()
        (folder / "conf").write_text(CONFIGURATION.format(port=self.port))

    def command(self, name: str, *arguments: str) -> list[str]:
        """How a program of supervisor's is run."""
        switch = ["-m", "servers.legacy", "--quiet", "--replace", "supervisor.medusa"]
        script = str(Path(sysconfig.get_path("scripts")) / name)
        path = f"PYTHONPATH={ROOT}"
        python = ["/usr/bin/env", path, sys.executable, *(switch if self.ours else [])]
        return [*python, script, "-c", str(self.folder / "conf"), *arguments]

    @contextmanager
    def serving(self) -> Iterator[ServerProcess]:
        """It runs inside the block."""
        with ServerProcess(self.command("supervisord"), self.port, cwd=self.folder) as process:
            yield process

    def ctl(self, *arguments: str) -> str:
        """What supervisorctl says."""
        done = subprocess.run(
            self.command("supervisorctl", *arguments),
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        said = f"{done.stdout}{done.stderr}[{done.returncode}]"
        return normalised(said.replace(str(self.folder), "FOLDER"))

    def tail_f(self, name: str, last: str) -> list[str]:
        """What `supervisorctl tail -f` shows up to the line `last`; then it is ended by SIGINT.

        What it says behind that is its own, and depends on where the signal finds it.
        """
        with subprocess.Popen(
            self.command("supervisorctl", "tail", "-f", name),
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = []
            try:
                for line in process.stdout:
                    lines.append(line.rstrip("\n"))
                    if lines[-1] == "one":
                        self.call("supervisor.sendProcessStdin", name, f"{last}\n")
                    if lines[-1] == last:
                        break
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        return lines

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of an XML-RPC call, or its fault in words."""
        url = f"http://user:pass%3Aword@127.0.0.1:{self.port}/RPC2"
        with xmlrpc.client.ServerProxy(url) as proxy:
            try:
                return getattr(proxy, method)(*parameters)
            except xmlrpc.client.Fault as fault:
                return f"{fault.faultCode}: {fault.faultString}"

    def connect(self) -> socket.socket:
        """A connection, for those who want to see the wire."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def ask(self, line: str, *fields: str, body: bytes = b"", login: bool = True) -> Answer:
        """One request on a connection that ends behind it."""
        lines = [line, "Host: example.org", "Connection: close", *fields]
        lines += [LOGIN] if login else []
        lines += [f"Content-Length: {len(body)}"] if body else []
        with self.connect() as sock:
            sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            data = read_to_end(sock)
        return read_answer(data)


def read_to_end(sock: socket.socket) -> bytes:
    """Everything until the server closes."""
    data = b""
    while more := sock.recv(65536):
        data += more
    return data


def read_until(sock: socket.socket, end: bytes) -> bytes:
    """Everything up to `end`, and what has come with it.  Raises EOFError if it does not come."""
    data = b""
    while end not in data:
        more = sock.recv(65536)
        if not more:
            raise EOFError(f"the server has closed behind {data!r}")
        data += more
    return data


def read_answer(data: bytes) -> Answer:
    """One answer on the wire, without what changes from run to run."""
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    fields = {name.lower(): normalised(value) for name, _, value in pairs}
    for name in ("date", "server", "last-modified"):
        if name in fields:
            fields[name] = "there"
    if body and fields.get("content-length") == str(len(body)):
        fields["content-length"] = "right"
    return Answer(status, fields, normalised(body.decode("utf-8")))


def normalised(text: str) -> str:
    """Text without what is different in each run."""
    for pattern, stand_in in VARYING:
        text = pattern.sub(stand_in, text)
    return text
