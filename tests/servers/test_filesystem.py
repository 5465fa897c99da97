"""A folder seen through the paths of strangers: what is opened, and what is refused."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers.filesystem import (
    Contents,
    Entry,
    Filesystem,
    FilesystemError,
    Forbidden,
    IsFolder,
    NotFound,
    Unavailable,
    split,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file and a folder in it, and a secret beside it."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "file.txt").write_text("content")
    (root / "folder" / "deep.txt").write_text("deep")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "root-too").mkdir()
    (tmp_path / "root-too" / "file.txt").write_text("of another root")
    return root


@pytest.fixture(autouse=True)
def no_descriptor_is_leaked() -> Iterator[None]:
    before = os.listdir("/dev/fd")
    yield
    assert len(os.listdir("/dev/fd")) == len(before)


@pytest.fixture
def without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems that do not tell where a descriptor lies."""
    readlink: Callable[[str], str] = os.readlink

    def no_proc(path: str, **options: int) -> str:
        if str(path).startswith("/proc/"):
            raise OSError(errno.ENOENT, "no /proc here")
        return readlink(path, **options)

    monkeypatch.setattr(os, "readlink", no_proc)


def names(contents: Contents) -> list[str]:
    return [entry.name for entry in contents.entries]


def read(filesystem: Filesystem, path: str) -> str:
    file = filesystem.open(path)
    try:
        return os.read(file.fileno(), 1000).decode()
    finally:
        file.close()


# -- what is served ----------------------------------------------------------------------------


def test_a_file_below_the_root_is_opened(root: Path) -> None:
    assert read(Filesystem(root), "/folder/deep.txt") == "deep"


@pytest.mark.parametrize("path", ["//file.txt", "/./file.txt", "file.txt", "/folder//./deep.txt"])
def test_empty_names_and_single_dots_are_dropped(root: Path, path: str) -> None:
    assert read(Filesystem(root), path) in ("content", "deep")


@pytest.mark.parametrize("path", ["/.hidden", "/folder/.hidden", "/.folder/file", "//.hidden"])
def test_hidden_names_are_not_there(root: Path, path: str) -> None:
    for name in (".hidden", "folder/.hidden"):
        (root / name).write_text("hidden")
    (root / ".folder").mkdir()
    (root / ".folder" / "file").write_text("hidden")
    with pytest.raises(NotFound):
        Filesystem(root).open(path)
    assert read(Filesystem(root, hidden=True), path) == "hidden"


def test_names_that_are_no_utf_8_can_be_opened(root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9")).write_text("latin")
    assert read(Filesystem(root), "/caf\udce9") == "latin"


def test_a_name_may_begin_with_two_dots(root: Path) -> None:
    (root / "..data").write_text("dots")
    assert read(Filesystem(root, hidden=True), "/..data") == "dots"


def test_an_open_file_tells_its_size_and_its_time(root: Path) -> None:
    os.utime(root / "file.txt", ns=(0, 1_999_999_999))
    file = Filesystem(root).open("/file.txt")
    file.close()
    assert (file.status.st_size, file.mtime) == (7, 1)


def test_closing_twice_does_not_close_somebody_elses_descriptor(root: Path) -> None:
    file = Filesystem(root).open("/file.txt")
    number = file.fileno()
    file.close()
    other = os.open("/dev/null", os.O_RDONLY)
    try:
        assert other == number
        file.close()
        os.fstat(other)
    finally:
        os.close(other)


def test_a_root_may_be_the_root_of_everything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("far down")
    assert read(Filesystem("/"), f"{tmp_path}/file") == "far down"


def test_a_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(root)
    assert read(Filesystem(tmp_path / "current"), "/file.txt") == "content"


def test_a_root_that_is_a_link_may_be_pointed_elsewhere(root: Path, tmp_path: Path) -> None:
    current = tmp_path / "current"
    current.symlink_to(root)
    filesystem = Filesystem(current)
    assert read(filesystem, "/file.txt") == "content"
    current.unlink()
    current.symlink_to(tmp_path / "root-too")
    assert read(filesystem, "/file.txt") == "of another root"


# -- what is not there -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/missing",
        "/missing/file.txt",
        "/file.txt/",
        "/file.txt/more",
        "/../secret.txt",
        "/folder/../file.txt",
        "/folder/..",
        "/..",
        "/file.txt\0",
        "/\0",
        "/" + "n" * 256,
        "/n" * 5000,
        "/lone surrogate \ud800",
        "\\..\\secret.txt",
    ],
)
def test_there_is_no_such_file(root: Path, path: str) -> None:
    with pytest.raises(NotFound):
        Filesystem(root).open(path)


@pytest.mark.parametrize("path", ["/", "", "/folder", "/folder/", "/folder/."])
def test_a_folder_is_no_file(root: Path, path: str) -> None:
    with pytest.raises(IsFolder):
        Filesystem(root).open(path)


def test_a_fifo_is_not_found_and_holds_nobody_up(root: Path) -> None:
    os.mkfifo(root / "fifo")
    with pytest.raises(NotFound):
        Filesystem(root).open("/fifo")


def test_a_socket_is_not_found(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        with pytest.raises(NotFound):
            Filesystem(root).open("/socket")


def test_a_device_is_not_found() -> None:
    with pytest.raises(NotFound):
        Filesystem("/dev").open("/null")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is denied to root")
def test_a_file_we_may_not_read_is_forbidden(root: Path) -> None:
    (root / "file.txt").chmod(0)
    with pytest.raises(Forbidden):
        Filesystem(root).open("/file.txt")


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EACCES, Forbidden), (errno.EPERM, Forbidden), (errno.EIO, Unavailable),
     (errno.EMFILE, Unavailable), (errno.ENAMETOOLONG, NotFound)],
)  # fmt: skip
def test_what_the_system_says_has_a_name_of_ours(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[FilesystemError]
) -> None:
    def fail(*arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(kind):
        Filesystem(root).open("/file.txt")


def test_a_disk_that_fails_after_the_opening_leaks_no_descriptor(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> os.stat_result:
        raise OSError(errno.EIO, "disk")

    filesystem = Filesystem(root)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fail)
        with pytest.raises(Unavailable):
            filesystem.open("/file.txt")


def test_an_error_does_not_tell_the_real_path(root: Path) -> None:
    with pytest.raises(NotFound) as caught:
        Filesystem(root).open("/missing")
    assert str(root) not in str(caught.value)


# -- links -------------------------------------------------------------------------------------


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    (root / "link").symlink_to("folder/deep.txt")
    (root / "linked").symlink_to(root / "folder")
    filesystem = Filesystem(root)
    assert read(filesystem, "/link") == "deep"
    assert read(filesystem, "/linked/deep.txt") == "deep"


@pytest.fixture
def leaving(root: Path) -> Filesystem:
    """A root with links that leave it."""
    (root / "link").symlink_to("../secret.txt")
    (root / "up").symlink_to("..")
    (root / "beside").symlink_to(root.parent / "root-too")
    (root / "twice").symlink_to("link")
    return Filesystem(root)


LEAVING = ["/link", "/up/secret.txt", "/up", "/up/", "/beside/file.txt", "/twice"]


@pytest.mark.parametrize("path", LEAVING)
def test_a_link_that_leaves_the_root_is_refused(leaving: Filesystem, path: str) -> None:
    with pytest.raises(Forbidden):
        leaving.open(path)


@pytest.mark.usefixtures("without_proc")
@pytest.mark.parametrize("path", LEAVING)
def test_a_link_that_leaves_the_root_is_refused_without_proc(
    leaving: Filesystem, path: str
) -> None:
    with pytest.raises(Forbidden):
        leaving.open(path)


@pytest.mark.usefixtures("without_proc")
def test_a_link_that_stays_inside_is_followed_without_proc(root: Path) -> None:
    (root / "linked").symlink_to("folder")
    assert read(Filesystem(root), "/linked/deep.txt") == "deep"


@pytest.mark.usefixtures("without_proc")
def test_without_proc_a_name_inside_does_not_vouch_for_another_file(root: Path) -> None:
    secret = os.open(root.parent / "secret.txt", os.O_RDONLY)
    try:
        assert not Filesystem(root)._is_inside(secret, f"{root}/file.txt")
    finally:
        os.close(secret)


def test_a_link_that_leaves_the_root_is_followed_on_request(root: Path) -> None:
    (root / "link").symlink_to("../secret.txt")
    assert read(Filesystem(root, follow_links=True), "/link") == "secret"


@pytest.mark.parametrize("follow_links", [False, True])
def test_a_link_to_itself_is_not_found(root: Path, follow_links: bool) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(NotFound):
        Filesystem(root, follow_links).open("/loop")


def test_a_link_to_a_device_is_judged_before_it_is_opened(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "device").symlink_to("/dev/null")
    opened = []
    really_open = os.open

    def spy(path: str, flags: int) -> int:
        opened.append((path, bool(flags & os.O_NOFOLLOW)))
        return really_open(path, flags)

    monkeypatch.setattr(os, "open", spy)
    with pytest.raises(Forbidden):
        Filesystem(root).open("/device")
    assert opened == [(f"{root}/device", True)]


def test_a_file_that_was_served_and_is_now_a_link_out_of_the_root_is_refused(root: Path) -> None:
    filesystem = Filesystem(root)
    read(filesystem, "/file.txt")
    (root / "file.txt").unlink()
    (root / "file.txt").symlink_to("../secret.txt")
    with pytest.raises(Forbidden):
        filesystem.open("/file.txt")


def test_a_folder_that_was_served_and_is_now_a_link_out_of_the_root_is_refused(root: Path) -> None:
    filesystem = Filesystem(root)
    read(filesystem, "/folder/deep.txt")
    (root / "folder" / "deep.txt").unlink()
    (root / "folder").rmdir()
    (root.parent / "root-too" / "deep.txt").write_text("not yours")
    (root / "folder").symlink_to(root.parent / "root-too")
    with pytest.raises(Forbidden):
        filesystem.open("/folder/deep.txt")


# -- what is remembered ------------------------------------------------------------------------


def test_notes_on_a_file_are_there_when_it_is_opened_again(root: Path) -> None:
    filesystem = Filesystem(root)
    first = filesystem.open("/file.txt")
    first.notes["colour"] = "blue"
    second = filesystem.open("/file.txt")
    first.close()
    second.close()
    assert second.notes == {"colour": "blue"}


def test_notes_are_gone_when_the_file_has_changed(root: Path) -> None:
    filesystem = Filesystem(root)
    first = filesystem.open("/file.txt")
    first.notes["colour"] = "blue"
    (root / "file.txt").write_text("longer content")
    second = filesystem.open("/file.txt")
    first.close()
    second.close()
    assert second.notes == {}


def test_many_files_do_not_fill_the_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servers.filesystem.REMEMBERED", 2)
    filesystem = Filesystem(root)
    for number in range(4):
        (root / f"{number}.txt").write_text("")
        read(filesystem, f"/{number}.txt")
    assert list(filesystem._known) == ["/2.txt", "/3.txt"]


def test_many_spellings_of_one_file_do_not_fill_the_memory(root: Path) -> None:
    filesystem = Filesystem(root)
    for number in range(4):
        read(filesystem, "/" + "./" * number + "file.txt")
    assert list(filesystem._known) == ["/file.txt"]


# -- asking without opening --------------------------------------------------------------------


@pytest.mark.parametrize(("path", "answer"), [("/file.txt", True), ("/file.txt.gz", False)])
def test_whether_it_is_worth_trying_to_open_a_path(root: Path, path: str, answer: bool) -> None:
    assert Filesystem(root).may_exist(path) is answer


def test_a_file_that_nobody_touched_is_unchanged(root: Path) -> None:
    filesystem = Filesystem(root)
    file = filesystem.open("/file.txt")
    file.close()
    assert filesystem.is_unchanged("/file.txt", file)


def replace(path: Path) -> None:
    (path.parent / "new").write_text("another")
    (path.parent / "new").rename(path)


CHANGES: list[Callable[[Path], object]] = [
    lambda path: path.write_text("longer than before"),
    lambda path: os.utime(path, ns=(0, 0)),
    lambda path: path.chmod(0o600),
    replace,
    Path.unlink,
]


@pytest.mark.parametrize("change", CHANGES, ids=["write", "time", "mode", "rename", "unlink"])
def test_a_file_that_somebody_touched_is_not_unchanged(
    root: Path, change: Callable[[Path], object]
) -> None:
    filesystem = Filesystem(root)
    file = filesystem.open("/file.txt")
    file.close()
    change(root / "file.txt")
    assert not filesystem.is_unchanged("/file.txt", file)


# -- listings ----------------------------------------------------------------------------------


def test_a_listing_is_sorted_and_tells_folders_from_files(root: Path) -> None:
    (root / "a.txt").write_text("")
    (root / ".hidden").write_text("")
    contents = Filesystem(root).listdir("/")
    listed = [(entry.name, entry.is_folder) for entry in contents.entries]
    assert listed == [("folder", True), ("a.txt", False), ("file.txt", False)]


def test_a_listing_has_sizes_and_dates(root: Path) -> None:
    os.utime(root / "file.txt", (0, 1_000_000_000))
    assert Entry("file.txt", False, 7, 1_000_000_000) in Filesystem(root).listdir("/").entries


def test_hidden_names_are_listed_on_request(root: Path) -> None:
    (root / ".hidden").write_text("")
    assert names(Filesystem(root, hidden=True).listdir("/")) == ["folder", ".hidden", "file.txt"]


@pytest.mark.parametrize("target", ["link", "nowhere"])
def test_a_link_that_leads_nowhere_is_not_listed(root: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    assert names(Filesystem(root).listdir("/")) == ["folder", "file.txt"]


def test_a_listing_has_an_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servers.filesystem.LISTED", 1)
    contents = Filesystem(root).listdir("/")
    assert (names(contents), contents.left_out) == (["folder"], 1)


@pytest.mark.parametrize("path", ["/missing/", "/file.txt", "/../"])
def test_what_is_no_folder_cannot_be_listed(root: Path, path: str) -> None:
    with pytest.raises(NotFound):
        Filesystem(root).listdir(path)


@pytest.mark.parametrize("path", ["/up", "/up/", "/beside/"])
def test_a_folder_outside_is_not_listed(leaving: Filesystem, path: str) -> None:
    with pytest.raises(Forbidden):
        leaving.listdir(path)


def test_a_link_that_leaves_the_root_can_be_listed_on_request(root: Path) -> None:
    (root / "up").symlink_to("..")
    assert "secret.txt" in names(Filesystem(root, follow_links=True).listdir("/up"))


# -- paths -------------------------------------------------------------------------------------


def test_a_path_is_split_into_its_names() -> None:
    assert split("//a/./b c/") == ["a", "b c"]


@pytest.mark.parametrize("path", ["..", "/a/../b", "/a/..", "/a\0b"])
def test_a_path_that_climbs_or_holds_nul_is_refused(path: str) -> None:
    with pytest.raises(NotFound):
        split(path)
