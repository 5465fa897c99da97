"""Programs in the style of 1999 to 2010, ported by their syntax alone: what they say on the wire.

Each file of `examples/` is run as a process of its own, under the old import names, through the
switch: `python -m servers.legacy examples/NAME.py 0`.  `examples/NAME.txt` is a transcript of what
raw clients say to it and hear from it; the process is then stopped by SIGTERM, and must end well.

    > text        a client sends the line, with CR LF behind it
    >. text       without a line end
    < text        it hears the line
    <closed       it hears that the server has closed
    bob> text     another client does; each begins when it is named first

`Date` and `Server` are left out, `...` stands for anything, and line ends are not told apart.
"""

from __future__ import annotations

import doctest
import os
import re
import signal
import socket
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = Path(__file__).parent / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))

LINE = re.compile(r"(?P<who>\w*)(?P<what>>\.|>|<closed|<) ?(?P<text>.*)")
LEFT_OUT = re.compile(r"^(?:Date|Server): .*\n", re.MULTILINE)

#: Seconds; far above what any of them needs.
PATIENCE = 20.0

#: These answer XML-RPC.
NEEDS_XML = {"xmlrpc_server"}

#: In these a handler fails; the log says where.
FAILS = {"error_pages"}

#: These end by themselves, by what a client asks for, with this status.
ENDS_BY_ITSELF = {"shutdown_button": 0, "exit_now": 3}


class Client:
    """A raw socket, and what it has heard but was not expected yet."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.heard = b""

    def say(self, data: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(data)

    def hear(self, expected: str, closes: bool) -> None:
        """Listen until that has been said, or something else."""
        ended = False
        while closes or not same(expected, self.text()):
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                break
            if not data:
                ended = True
                break
            self.heard += data
        assert self.text() == expected or same(expected, self.text()), self.text()
        assert ended or not closes, "the server has not closed"
        self.heard = b""

    def text(self) -> str:
        """What was heard, as it is written in a transcript."""
        lines = re.split("\r?\n", self.heard.decode("latin-1"))
        return LEFT_OUT.sub("", "\n".join(line.rstrip() for line in lines)).strip("\n")


def same(expected: str, heard: str) -> bool:
    return doctest.OutputChecker().check_output(
        f"{expected}\n", f"{heard}\n", doctest.ELLIPSIS | doctest.DONT_ACCEPT_BLANKLINE
    )


def play(transcript: str, port: int) -> None:
    """Say what the clients say, and hold what they hear to what they should hear."""
    clients: dict[str, Client] = {}
    rows = [match for line in transcript.splitlines() if (match := LINE.fullmatch(line))]
    assert len(rows) == len(transcript.splitlines()), "a line of the transcript is not understood"
    try:
        for (who, says), turn in groupby(rows, lambda row: (row["who"], row["what"][0] == ">")):
            said = list(turn)
            client = clients.get(who) or clients.setdefault(who, Client(port))
            if says:
                ends = ("" if row["what"] == ">." else "\r\n" for row in said)
                text = "".join(row["text"] + end for row, end in zip(said, ends, strict=True))
                client.say(text.encode("latin-1"))
                continue
            lines = [row["text"].rstrip() for row in said if row["what"] == "<"]
            client.hear("\n".join(lines).strip("\n"), said[-1]["what"] == "<closed")
    finally:
        for client in clients.values():
            client.sock.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a program runs."""
    (tmp_path / "index.html").write_text("<html>welcome</html>\n")
    (tmp_path / "big.bin").write_bytes(b"0123456789" * 30000)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_what_its_transcript_shows(name: str, folder: Path) -> None:
    if name in NEEDS_XML:
        pytest.importorskip("defusedxml")
    process = subprocess.Popen(
        [sys.executable, "-m", "servers.legacy", "--quiet", str(EXAMPLES / f"{name}.py"), "0"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "TZ": "UTC"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:  # to its end, if the program fails
            said = re.search(r" on port ([0-9]+)$", line)
            if said is not None:
                break
        else:
            pytest.fail("the program does not tell its port")
        play((EXAMPLES / f"{name}.txt").read_text(encoding="utf-8"), int(said[1]))
        if name not in ENDS_BY_ITSELF:
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == ENDS_BY_ITSELF.get(name, 0), output
    assert ("Traceback" in output) == (name in FAILS), output


def test_there_are_at_least_thirty_of_them_each_with_a_transcript() -> None:
    assert len(NAMES) >= 30
    assert sorted(path.stem for path in EXAMPLES.glob("*.txt")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_imports_by_old_names_alone(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert not re.search(r"^\s*(?:from|import) (?:servers|lifetime)\b", text, re.MULTILINE)
