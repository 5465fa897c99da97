"""What medusa's FTP server said, line by line: the same here, or what is right today."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from servers.ftp import FTPLimits
from servers.medusa import filesys, ftp_server
from tests.ftp.control import Control, address_in, read_all

GOLDEN = Path(__file__).parent / "golden" / "wire_ftp.json"
SESSIONS = json.loads(GOLDEN.read_text(encoding="utf-8"))["ftp_medusa"]

#: 2003-07-04, as in the recording.
LONG_AGO = 1057278242

#: Where the original was mistaken, or did harm; by what the client sent.
RIGHT = {
    "TYPE\r\n": "500 'TYPE': command not understood.",
    "REST x\r\n": "500 'REST x': command not understood.",
    "PORT 127,0,0,1,0\r\n": "500 'PORT 127,0,0,1,0': command not understood.",
    "PORT 1,2,3,4,5,6\r\n": "501 PORT must name your own address, and a port above 1023.",
    "LIST nope\r\n": "550 Could not list directory: No such file or directory",
}


class writing_authorizer:
    """Everybody may write."""

    def __init__(self, root: str) -> None:
        self.root = root

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        channel.read_only = 0
        return 1, "Ok.", filesys.os_filesystem(self.root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"hello\n")
    (folder / "sp ace.txt").write_bytes(b"space\n")
    for path in (*folder.iterdir(), folder):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return folder


@pytest.mark.parametrize("session", ["anonymous", "writer"])
def test_a_session_is_what_it_was(session: str, root: Path, run, lines):
    make = {"anonymous": ftp_server.anon_authorizer, "writer": writing_authorizer}[session]
    server = ftp_server.ftp_server(
        make(str(root)),
        hostname="ftp.example",
        ip="127.0.0.1",
        port=0,
        logger_object=lines,
        limits=FTPLimits(login_delay=0.01),
    )
    run(server)
    with socket.create_connection(server.getsockname(), 10.0) as sock:
        client = Client(Control(sock))
        for step in SESSIONS[session]:
            client.replay(step)
        client.control.close()


class Client:
    """Says what the client of the recording said, and compares what it hears."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.data = socket.socket()

    def replay(self, step: dict[str, Any]) -> None:
        """One command."""
        sent, heard = step["sent"], step["received"]
        if sent and not heard:
            return  # an empty line, and one that is too long: neither was answered
        self.control.send_raw(sent.encode("latin-1"))
        told = self.control.reply()
        if told.startswith("227 "):
            assert re.fullmatch(r"227 Entering Passive Mode \([\d,]+\)", told)
            self.data.close()
            self.data = self.control.adopt(socket.create_connection(address_in(told), 10.0))
            return
        if told.startswith("150 "):
            self.move(step)
            told = f"{told}\r\n{self.control.reply()}"
        if sent.startswith("HELP"):
            assert set(heard.splitlines()[:-1]) <= set(told.splitlines())
        else:
            assert told.rstrip(".") == RIGHT.get(sent, heard).strip().rstrip(".")
        if step["end"] == "closed":
            assert self.control.read_to_end() == b""

    def move(self, step: dict[str, Any]) -> None:
        """What goes over the data connection."""
        if step["data_end"] == "client closed":
            self.data.sendall(step["data"].encode("latin-1"))
            self.data.close()
        else:
            assert listing(read_all(self.data).decode("latin-1")) == listing(step["data"])


def listing(text: str) -> list[str]:
    """The lines in order, without what differs from one system to another."""
    lines = sorted(text.splitlines())
    if not lines or len(lines[0]) < 50:
        return lines
    return sorted(re.sub(r"^(.{10}).*? +\d+ (\w{3} )", r"\1 \2", line) for line in lines)
