"""The command as it is when it is installed, in a folder with a site."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.frontends.processes import PATIENCE, PROJECT, wait_until


def install(folder: Path) -> None:
    """Make a site, and a command `lifetime` in `bin`."""
    folder.chmod(0o700)
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text("The news\n")
    command = folder / "bin" / "lifetime"
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(PROJECT))} exec {sys.executable} -m servers"
        ' "$@"\n'
    )
    command.chmod(0o755)


class Started:
    """A process, and what it says."""

    def __init__(self, command: list[str], folder: Path, **environment: str) -> None:
        self._said = folder / f"said by {len(list(folder.iterdir()))}"
        inherited = {name: os.environ[name] for name in os.environ if name != "NOTIFY_SOCKET"}
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        with open(self._said, "w") as said:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**inherited, "PATH": path, "XDG_RUNTIME_DIR": str(folder), **environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    @property
    def said(self) -> str:
        """All of it."""
        return self._said.read_text()

    def says(self, words: str) -> None:
        """Wait until it has said them."""
        wait_until(lambda: words in self.said or self.process.poll() is not None, words)
        assert words in self.said, self.said

    def stop(self) -> None:
        """Ask it to stop; it does, in an orderly way."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.said


@contextmanager
def started(command: list[str], folder: Path, **environment: str) -> Iterator[Started]:
    """A process, for as long as the block lasts."""
    one = Started(command, folder, **environment)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait(PATIENCE)


def answer(port: int, path: str = "/") -> bytes:
    """What a new client gets; an error for anything but 200."""
    url = f"http://127.0.0.1:{port}{path}"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body
