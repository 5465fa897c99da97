"""What the README and the documentation show is run, as it stands there.

- A ```python block is a program: run in a process of its own, in a folder that holds
  `site/index.html`. One that serves on port 8080, which becomes a free one, is stopped with
  SIGTERM once it has answered a request. All exit with 0.
- A ```console block behind `<!-- checked -->` is a session: each line behind `$ ` is given to a
  shell, and what it prints is what stands below it; `...` stands for anything.
- A block behind `<!-- file: NAME -->` is no program but a file, there for the sessions below it on
  the page; one behind `<!-- in NAME: DEFINITION -->` takes the place of that class or function in
  it, and one behind `<!-- more of NAME -->` is its continuation.
- `<!-- not run: reason -->` before a block leaves it out.
"""

import ast
import doctest
import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: Seconds; far above what any block needs, on a busy machine too.
PATIENCE = 180

#: What Python 3.10 and 3.11 say of them, which is no news.
DEPRECATED = ("The asyncore module is deprecated", "The asynchat module is deprecated")

#: In a checkout that is not installed, nobody has told pytest of our plugin.
PLUGIN = (
    ""
    if any(
        each.value == "lifetime.pytest_plugin"
        for each in importlib.metadata.entry_points(group="pytest11")
    )
    else " -p lifetime.pytest_plugin"
)

FENCE = re.compile(
    r"(?:^[ ]*<!--[ ](?P<mark>[^\n]+?)[ ]-->\n+)?"
    r"^[ ]*```(?P<language>\w+)\n(?P<text>.*?)^[ ]*```$",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)

CHECKS = re.compile(r"^\$ (?:lifetime check|pytest) ", re.MULTILINE)

FILE = re.compile(r"(?P<how>file: |in |more of )(?P<name>[\w./-]+)(?:: (?P<definition>[\w.]+))?")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, its text, and the comment just before it."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    @property
    def file(self) -> "re.Match[str] | None":
        """Of which file it is a part, and which."""
        return FILE.fullmatch(self.mark)

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        yield Block(page, line, match["language"], dedent(match["text"]), match["mark"] or "")


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PROGRAMS = [block for block in BLOCKS if block.language == "python" and not block.file]
SESSIONS = [block for block in BLOCKS if block.language == "console" and block.mark == "checked"]


def without_blocks(page: Path) -> str:
    """The text of a page; what stands in a block may look like a link, and is none."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def marks_of(block: Block) -> list[pytest.MarkDecorator]:
    if block.mark.startswith("not run:"):
        return [pytest.mark.skip(block.mark)]
    # These draw some hundred runs, or stop a server again and again.
    return [pytest.mark.slow] if CHECKS.search(block.text) else []


def as_parameters(blocks: list[Block]) -> list[object]:
    return [pytest.param(block, id=str(block), marks=marks_of(block)) for block in blocks]


def files_above(session: Block) -> dict[str, str]:
    """What the reader has saved when the session comes: name -> text."""
    files: dict[str, str] = {}
    for block in BLOCKS:
        if block.page == session.page and block.line < session.line and block.file:
            how, name, definition = block.file.group("how", "name", "definition")
            if how == "file: ":
                files[name] = block.text
            elif how == "more of ":
                files[name] += "\n\n" + block.text
            else:
                files[name] = with_definition(files[name], definition, block.text)
    return files


def with_definition(program: str, name: str, text: str) -> str:
    """The program with another definition of `name`, such as `Channel.close`."""
    node: ast.AST = ast.parse(program)
    for part in name.split("."):
        node = next(each for each in ast.iter_child_nodes(node) if getattr(each, "name", 0) == part)
    assert isinstance(node, ast.ClassDef | ast.FunctionDef) and node.end_lineno is not None
    lines = program.splitlines(keepends=True)
    lines[node.lineno - 1 : node.end_lineno] = [indent(text, " " * node.col_offset)]
    return "".join(lines)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to run in: a site, and the commands `lifetime` and `pytest` as after installing."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><title>A site</title>\n")
    (tmp_path / "bin").mkdir()
    for name, module in (("lifetime", "servers"), ("pytest", f"pytest{PLUGIN}")):
        command = tmp_path / "bin" / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        command.chmod(0o755)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": ",".join(f"ignore:{each}:DeprecationWarning" for each in DEPRECATED),
        "COLUMNS": "80",
    }


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
            # The colon at the end: Python leaves out one that is in PYTHONWARNINGS word for word.
            *(f"-Wignore:{each}:DeprecationWarning:" for each in DEPRECATED),
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
    for name, text in files_above(block).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
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
        # Nobody sees blanks at the end of a line, and editors take them away.
        printed = re.sub(r"[ \t]+$", "", printed, flags=re.MULTILINE)
        same = doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS)
        assert same, f"$ {command}\n{printed}\ninstead of\n{expected}"


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", without_blocks(page))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_every_file_in_the_documentation_is_used_by_a_session_below_it() -> None:
    last = {block.page: block.line for block in SESSIONS}
    unused = [str(each) for each in BLOCKS if each.file and each.line > last.get(each.page, 0)]
    assert not unused


def test_the_readme_is_among_what_is_run() -> None:
    assert any(block.page.name == "README.md" for block in PROGRAMS)
