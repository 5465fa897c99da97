"""A file is the old one or the new one, and never anything between."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.porting.rewriting import CannotWrite, rewrite
from servers.porting.searching import NothingThere, find_sources

OLD, NEW, DIFF = b"print 1\n", b"print(1)\n", b"-print 1\n+print(1)\n"

#: "nobody", where we are root, whom modes do not stop.
NOBODY = 65534


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_bytes(OLD)
    return path


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_old_file_and_what_changed_are_kept_beside_the_new_one(program: Path) -> None:
    assert rewrite(program, OLD, NEW, DIFF) == program.with_name("program.py.orig")
    assert everything_in(program.parent) == {
        "program.py": NEW,
        "program.py.orig": OLD,
        "program.py.diff": DIFF,
    }


def test_an_older_backup_is_never_replaced(program: Path) -> None:
    program.with_name("program.py.orig").write_bytes(b"precious")
    assert rewrite(program, OLD, NEW, DIFF) == program.with_name("program.py.1.orig")
    assert program.with_name("program.py.orig").read_bytes() == b"precious"


def test_a_link_that_dangles_in_the_place_of_the_backup_is_not_followed(program: Path) -> None:
    victim = program.with_name("victim")
    program.with_name("program.py.orig").symlink_to(victim)
    rewrite(program, OLD, NEW, DIFF)
    assert not victim.exists()


@pytest.mark.parametrize("mode", [0o755, 0o640, 0o600])
def test_the_mode_is_kept(program: Path, mode: int) -> None:
    program.chmod(mode)
    backup = rewrite(program, OLD, NEW, DIFF)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (program, backup)] == [mode, mode]


def test_a_link_keeps_leading_to_the_file(program: Path) -> None:
    link = program.with_name("link.py")
    link.symlink_to(program.name)
    rewrite(link, OLD, NEW, DIFF)
    assert link.is_symlink() and program.read_bytes() == NEW


def test_a_file_with_a_second_name_is_left_alone(program: Path) -> None:
    os.link(program, program.with_name("twin.py"))
    with pytest.raises(CannotWrite, match="hard link"):
        rewrite(program, OLD, NEW, DIFF)
    assert program.read_bytes() == OLD


def test_a_write_protected_file_is_left_alone(program: Path) -> None:
    program.chmod(0o444)
    with pytest.raises(CannotWrite, match="write-protected"):
        rewrite(program, OLD, NEW, DIFF)
    assert everything_in(program.parent) == {"program.py": OLD}


def test_a_file_that_was_changed_meanwhile_is_left_alone(program: Path) -> None:
    program.write_bytes(b"print 2\n")
    with pytest.raises(CannotWrite, match="changed meanwhile"):
        rewrite(program, OLD, NEW, DIFF)
    assert everything_in(program.parent) == {"program.py": b"print 2\n"}


def test_a_file_that_is_gone_is_a_sentence(program: Path) -> None:
    program.unlink()
    with pytest.raises(CannotWrite, match="No such file"):
        rewrite(program, OLD, NEW, DIFF)


@pytest.fixture
def as_somebody() -> Iterator[None]:
    """As a user whom modes stop."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can get at; pytest's own are the user's only."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program.py").write_bytes(OLD)
        (folder / "program.py").chmod(0o666)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


@pytest.mark.usefixtures("as_somebody")
def test_a_folder_that_may_not_be_listed_is_a_sentence(open_folder: Path) -> None:
    # Its owner, whoever runs this, takes away the right to list it.
    os.seteuid(os.getuid())
    open_folder.chmod(0o311)
    os.seteuid(NOBODY if os.getuid() == 0 else os.getuid())
    with pytest.raises(NothingThere, match="cannot be read: Permission denied; change its mode"):
        find_sources([open_folder])


@pytest.mark.usefixtures("as_somebody")
def test_nothing_is_left_behind_in_a_folder_that_is_read_only(open_folder: Path) -> None:
    with pytest.raises(CannotWrite, match="Permission denied; nothing of it was changed"):
        rewrite(open_folder / "program.py", OLD, NEW, DIFF)
    assert everything_in(open_folder) == {"program.py": OLD}


def test_a_disk_that_is_full_leaves_the_old_file(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match="No space left"):
        rewrite(program, OLD, NEW, DIFF)
    assert everything_in(program.parent) == {"program.py": OLD}
