"""What the README and the documentation show is run, as it stands there.

- A ```python block is a program: run in a process of its own, in a folder that holds
  `site/index.html`. One that serves on port 8080, which becomes a free one, is stopped with
  SIGTERM once it has answered a request. All exit with 0.
- A ```console block behind `<!-- checked -->` is a session: each line behind `$ ` is given to a
  shell, and what it prints is what stands below it; `...` stands for anything.
- `<!-- not run: reason -->` before a block leaves it out.
"""

import doctest
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: Seconds; far above what any block needs.
PATIENCE = 30

FENCE = re.compile(
    r"(?:^[ ]*<!--[ ](?P<mark>[^\n]+?)[ ]-->\n+)?"
    r"^[ ]*```(?P<language>\w+)\n(?P<text>.*?)^[ ]*```$",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, its text, and the comment just before it."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        yield Block(page, line, match["language"], dedent(match["text"]), match["mark"] or "")


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PROGRAMS = [block for block in BLOCKS if block.language == "python"]
SESSIONS = [block for block in BLOCKS if block.language == "console" and block.mark == "checked"]


def as_parameters(blocks: list[Block]) -> list[object]:
    return [
        pytest.param(
            block,
            id=str(block),
            marks=[pytest.mark.skip(block.mark)] if block.mark.startswith("not run:") else [],
        )
        for block in blocks
    ]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to run in: a site, and the command `lifetime` as it would be installed."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><title>A site</title>\n")
    command = tmp_path / "bin" / "lifetime"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m servers "$@"\n')
    command.chmod(0o755)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}


def wait_for_an_answer(port: int, process: "subprocess.Popen[str]") -> None:
    """An answer, whatever its status, shows that the loop runs and that signals are heard."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE).close()
            return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            time.sleep(0.02)  # not listening yet, and nothing tells us when it will
    pytest.fail(f"the program answered nothing; it exited with {process.poll()}")


@pytest.mark.parametrize("block", as_parameters(PROGRAMS))
def test_a_program_in_the_documentation_runs(block: Block, folder: Path) -> None:
    port = free_port()
    (folder / "program.py").write_text(block.text.replace("8080", str(port)))
    process = subprocess.Popen(
        [
            *(sys.executable, "-W", "error"),
            *("-W", "ignore:The asyncore module is deprecated:DeprecationWarning"),
            *("-W", "ignore:The asynchat module is deprecated:DeprecationWarning"),
            "program.py",
        ],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        if "8080" in block.text:
            wait_for_an_answer(port, process)
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output


@pytest.mark.parametrize("block", as_parameters(SESSIONS))
def test_a_session_in_the_documentation_prints_what_it_shows(block: Block, folder: Path) -> None:
    for command, expected in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        printed = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            text=True,
        ).stdout
        same = doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS)
        assert same, f"$ {command}\n{printed}\ninstead of\n{expected}"


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_the_readme_is_among_what_is_run() -> None:
    assert any(block.page.name == "README.md" for block in PROGRAMS)
