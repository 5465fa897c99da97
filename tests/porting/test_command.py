"""`lifetime port`, as a process: what it says, what it leaves behind, and how it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.porting.conftest import OLD_PROGRAMS

ROOT = Path(__file__).parents[2]

#: Seconds; far above what any of this takes.
PATIENCE = 60


@pytest.fixture(autouse=True)
def needs_the_extra() -> None:
    pytest.importorskip("fissix", reason="fissix is not installed: pip install '.[port]'")


def port(*arguments: object, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run it; every warning would be an error, and would be seen."""
    run = "import sys; from servers.command.main import main; sys.exit(main(sys.argv[1:]))"
    start = f"{before}\n{run}"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", start, "port", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The old programs, in a folder."""
    folder = tmp_path / "old"
    folder.mkdir()
    for program in OLD_PROGRAMS:
        (folder / f"{program.stem}.py").write_bytes(program.read_bytes())
    return folder


def test_it_reports_by_file_and_line_and_writes_nothing(folder: Path) -> None:
    before = contents(folder)
    done = port(folder)
    assert done.returncode == 1 and done.stderr == ""
    assert f"{folder}/guestbook.py: Python 2\n" in done.stdout
    assert "\n     51  - print 'full at', number\n" in done.stdout
    assert "\n         + print('full at', number)\n" in done.stdout
    assert "\n     71  the length of text as Content-Length: " in done.stdout
    assert "ZServer.PCGIServer.PCGIServer missing: PCGI is left out" in done.stdout
    assert contents(folder) == before


def test_write_changes_the_files_and_keeps_what_they_were(folder: Path) -> None:
    before = contents(folder)
    done = port("--write", folder)
    assert done.returncode == 1 and done.stderr == ""
    after = contents(folder)
    for name, old in before.items():
        assert after[f"{name}.orig"] == old and after[name] != old
        compile(after[name], name, "exec")
    assert b"\n-        print 'bad" not in after["guestbook.py.diff"]
    assert b"\n-            print 'full at', number\n" in after["guestbook.py.diff"]


def test_writing_twice_changes_nothing_more(folder: Path) -> None:
    port("--write", folder)
    once = contents(folder)
    again = port("--write", folder)
    assert contents(folder) == once
    assert "0 lines to change mechanically" in again.stdout


@pytest.mark.skipif(not shutil.which("patch"), reason="there is no patch(1) here")
def test_the_diff_can_be_applied(folder: Path) -> None:
    before = contents(folder)
    done = subprocess.run(
        [sys.executable, "-m", "servers", "port", "--diff", str(folder)],
        cwd=ROOT,
        capture_output=True,
        timeout=PATIENCE,
    )
    subprocess.run(["patch", "-s", "-p0", "-d", "/", "--binary"], input=done.stdout, check=True)
    patched = {name: data for name, data in contents(folder).items() if name.endswith(".py")}
    for name, data in before.items():
        (folder / name).write_bytes(data)
    port("--write", folder)
    assert patched == {name: contents(folder)[name] for name in before}


def test_a_file_that_cannot_be_read_keeps_every_file_from_being_written(folder: Path) -> None:
    (folder / "broken.py").write_text("print 1\nif x\n")
    before = contents(folder)
    done = port("--write", folder)
    assert done.returncode == 2
    assert f"{folder}/broken.py: cannot be read\n  line 2: neither Python 2" in done.stdout
    assert "--keep-going" in done.stdout.splitlines()[-1]
    assert contents(folder) == before


def test_keep_going_writes_the_others(folder: Path) -> None:
    (folder / "broken.py").write_text("if x\n")
    done = port("--write", "--keep-going", folder)
    assert done.returncode == 2
    assert (folder / "broken.py").read_text() == "if x\n"
    assert (folder / "guestbook.py.orig").exists()


def test_nothing_left_to_do_is_exit_status_0(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print 'x'\n")
    assert [port(program).returncode, port("--write", program).returncode] == [1, 0]
    assert port(program).returncode == 0


def test_links_in_a_folder_are_left_alone(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("print 1\n")
    (folder / "link.py").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    port("--write", folder)
    assert outside.read_text() == "print 1\n"
    assert not list(folder.rglob("*.1.orig"))


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    program, link = tmp_path / "program", tmp_path / "link"
    program.write_text("print 1\n")
    link.symlink_to(program)
    assert port("--write", link, program).returncode == 0
    assert link.is_symlink() and program.read_text() == "print(1)\n"


def test_programs_without_a_suffix_are_found_by_their_first_line(tmp_path: Path) -> None:
    (tmp_path / "server").write_text("#!/usr/bin/env python2\nprint 1\n")
    (tmp_path / "README").write_text("print 1\n")
    (tmp_path / ".hidden.py").write_text("print 1\n")
    os.mkfifo(tmp_path / "pipe")
    port("--write", tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.orig")) == ["server.orig"]


class Page(HTMLParser):
    """What a browser would see: whether tags match, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "src" or tag in ("script", "link"):
                self.loaded.append(tag)
            if name == "id":
                self.ids.add(value or "")
            if name == "href":
                self.targets.add((value or "").removeprefix("#"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_has_a_row_for_each_file_and_a_total(folder: Path, tmp_path: Path) -> None:
    (folder / "broken.py").write_text("if x\n")
    (folder / "<b>.py").write_text("x = type('<i>') == type(y)\n")
    report = tmp_path / "report.html"
    port("--html", report, folder)
    page = Page(report.read_text(encoding="utf-8"))
    text = "".join(page.words)
    for name in ("guestbook.py", "clock.py", "chat.py", "start.py", "broken.py", "<b>.py"):
        assert f"{folder}/{name}" in text
    assert "Effort left: roughly" in text and "total" in text and "cannot be read: line 1" in text
    assert page.loaded == [] and page.targets <= page.ids
    assert "<i>" in text and "<i>" not in report.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_a_sentence(folder: Path) -> None:
    done = port("--html", folder / "none" / "report.html", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lifetime port: argument --html: there is no folder")


@pytest.mark.parametrize("named", ["no-such-file.py", "tests/porting/no-such-folder"])
def test_a_path_that_is_not_there_is_a_sentence(named: str) -> None:
    done = port(named)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"lifetime port: '{named}' cannot be read: No such file or directory; check the path\n"
    )


def test_an_empty_name_is_a_sentence() -> None:
    done = port("")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'' names nothing" in done.stderr


def test_a_folder_without_python_is_a_sentence(tmp_path: Path) -> None:
    done = port(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no Python source in" in done.stderr and done.stderr.count("\n") == 1


def test_the_missing_extra_is_named_in_one_sentence(folder: Path) -> None:
    done = port(folder, before="import sys; sys.modules['fissix'] = None")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "lifetime port: reading Python 2 needs fissix; install it with "
        "pip install 'lifetime-servers[port]'\n"
    )


def test_binary_junk_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "junk.py").write_bytes(bytes(range(256)) * 10)
    done = port(tmp_path)
    assert done.returncode == 2 and done.stderr == ""
    assert "junk.py: cannot be read\n  line 1: has a NUL byte" in done.stdout


def test_what_a_program_contains_cannot_move_the_terminals_cursor(tmp_path: Path) -> None:
    (tmp_path / "evil\x1b[2J.py").write_bytes(b"print '\x1b[2J\x07'\n")
    assert port(tmp_path).stdout.replace("\n", "").isprintable()


def test_a_reader_that_has_gone_is_no_traceback(folder: Path) -> None:
    done = subprocess.run(
        f"'{sys.executable}' -W error -m servers port '{folder}' | true",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("from ZServer import PCGIServer\n", "1 is missing"),
        ("from asyncore import dispatcher, loop\n", "1 works, 1 differs"),
        ("from asyncore import dispatcher, ExitNow\n", "2 work"),
    ],
)
def test_names_are_counted_in_their_states(tmp_path: Path, text: str, counts: str) -> None:
    (tmp_path / "old.py").write_text(text)
    assert f"  old names: {counts}\n" in port(tmp_path / "old.py").stdout
