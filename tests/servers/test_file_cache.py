"""Small files stay in memory until they change on disk."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.file_cache import OVERHEAD, SETTLED, SMALL, FileCache
from servers.filesystem import Filesystem, NotFound, OpenFile, Unavailable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(b"aaaa")
    (tmp_path / "b").write_bytes(b"bbbb")
    (tmp_path / "c").write_bytes(b"cccc")
    return tmp_path


@pytest.fixture(autouse=True)
def no_descriptor_is_leaked() -> Iterator[None]:
    before = len(os.listdir("/dev/fd"))
    yield
    assert len(os.listdir("/dev/fd")) == before


def later() -> float:
    """A clock on which all files have been at rest for a while."""
    return time.time() + SETTLED + 1.0


def cache_of(root: Path, entries: int = 100) -> FileCache:
    """A cache with room for so many files of four bytes."""
    return FileCache(Filesystem(root), budget=entries * (4 + OVERHEAD), clock=later)


def kept(cache: FileCache, *names: str) -> str:
    """Which of these files are in memory?"""
    return "".join(name for name in names if f"/{name}" in cache._kept)


def test_a_small_file_comes_with_its_content(root: Path) -> None:
    assert cache_of(root).open("/a").content == b"aaaa"


def test_an_empty_file_has_a_content(root: Path) -> None:
    (root / "empty").touch()
    assert cache_of(root).open("/empty").content == b""


def test_a_small_file_is_not_opened_again(root: Path) -> None:
    cache = cache_of(root)
    assert cache.open("/a") is cache.open("/a")


@pytest.mark.parametrize("size", [SMALL, SMALL + 1])
def test_a_large_file_is_not_read(root: Path, size: int) -> None:
    (root / "file").write_bytes(bytes(size))
    file = FileCache(Filesystem(root), clock=later).open("/file")
    file.close()
    assert (file.content is None) is (size > SMALL)


def test_a_file_that_has_changed_is_read_again(root: Path) -> None:
    cache = cache_of(root)
    cache.open("/a")
    (root / "a").write_bytes(b"AAAA, and longer")
    assert cache.open("/a").content == b"AAAA, and longer"


def test_a_file_that_was_removed_is_not_found(root: Path) -> None:
    cache = cache_of(root)
    cache.open("/a")
    (root / "a").unlink()
    with pytest.raises(NotFound):
        cache.open("/a")
    assert cache.used == 0


def test_a_file_that_was_changed_a_moment_ago_is_read_but_not_kept(root: Path) -> None:
    changed = (root / "a").stat().st_mtime
    cache = FileCache(Filesystem(root), clock=lambda: changed + SETTLED / 2)
    assert cache.open("/a").content == b"aaaa"
    assert kept(cache, "a") == ""


def test_a_time_that_was_set_back_does_not_hide_a_change(root: Path) -> None:
    os.utime(root / "a", (0, 0))
    cache = FileCache(Filesystem(root))
    cache.open("/a")
    assert kept(cache, "a") == ""


def test_the_oldest_file_makes_room_for_the_newest(root: Path) -> None:
    cache = cache_of(root, entries=2)
    for name in "abc":
        cache.open(f"/{name}")
    assert kept(cache, "a", "b", "c") == "bc"
    assert cache.used == cache.budget


def test_a_file_beyond_the_budget_pushes_nobody_out_for_nothing(root: Path) -> None:
    cache = cache_of(root, entries=0)
    assert cache.open("/a").content == b"aaaa"
    assert cache.used == 0


def test_a_file_that_shrinks_meanwhile_is_left_open_for_its_sender(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pread", lambda descriptor, size, offset: b"aa")
    file = cache_of(root).open("/a")
    assert file.content is None
    assert os.fstat(file.fileno()).st_size == 4
    file.close()


def test_a_disk_that_fails_is_not_available(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int, size: int, offset: int) -> bytes:
        raise OSError("the disk")

    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(Unavailable):
        cache_of(root).open("/a")


class Interrupted(Filesystem):
    """Another thread asks for the same file whenever the system is asked."""

    cache: FileCache
    in_turn = False

    def open(self, path: str) -> OpenFile:
        self.another_one_opens(path)
        return super().open(path)

    def is_unchanged(self, path: str, file: OpenFile) -> bool:
        unchanged = super().is_unchanged(path, file)
        self.another_one_opens(path)
        return unchanged

    def another_one_opens(self, path: str) -> None:
        if not self.in_turn:
            self.in_turn = True
            self.cache.open(path)
            self.in_turn = False


def test_two_loops_may_share_a_cache(root: Path) -> None:
    filesystem = Interrupted(root)
    filesystem.cache = cache = FileCache(filesystem, clock=later)
    assert cache.open("/a").content == b"aaaa"
    assert cache.used == 4 + OVERHEAD
    (root / "a").write_bytes(b"AAAAA")
    assert cache.open("/a").content == b"AAAAA"
    assert cache.used == 5 + OVERHEAD
