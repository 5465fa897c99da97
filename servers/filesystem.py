"""A folder, seen through paths that strangers send.

This is the one place where such a path becomes an open file.  We open first and judge what we
got, because anything learned about a name may be wrong a moment later: a regular file, inside
the root, or nothing.  Whatever goes wrong becomes a FilesystemError, and none of them tells the
real path.  Nothing here writes.  POSIX only: a backslash is a character like any other.

What is inside?  `realpath` asks for every component (10 us for two, 14 us for five).  Opening
component by component is no cheaper (6.4 us for three) and would refuse links that stay inside.
Asking the kernel where the open descriptor lies (/proc/self/fd) costs 3.5 us, follows what was
really opened, and so cannot be raced.  We do that once for each file and remember the answer
for as long as the file does not change: then a file costs its open(), fstat() and close(),
3.5 us in all.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

# NONBLOCK: a FIFO without a writer must not stop the loop.  NOFOLLOW: a link at the end of a path
# is judged before it is opened; links on the way are judged by where they led.
FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

# What open() says of a name that stands for no file we would serve.  ENXIO is a socket, ELOOP and
# EMLINK a link where none may be (Linux and FreeBSD), EILSEQ a name the file system cannot have.
ABSENT = {
    errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ,
    errno.ENXIO, errno.ENODEV, errno.ELOOP, errno.EMLINK,
}  # fmt: skip
DENIED = {errno.EACCES, errno.EPERM}
LINK = {errno.ELOOP, errno.EMLINK}

REMEMBERED = 1024  # files
BILLION = 10**9
WELL_KNOWN = ".well-known"  # the one hidden name that is for everybody to see (RFC 8615)
LISTED = 10_000  # entries of a folder; more would be no use to a reader, and hold up the loop


class FilesystemError(Exception):
    """No file: `path` is the one that was asked for, never the real one."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class NotFound(FilesystemError):
    """There is no such file, or what is there is no file."""


class Forbidden(FilesystemError):
    """There may be something, but not for this reader."""


class IsFolder(FilesystemError):
    """A folder, where a file was asked for."""


class Unavailable(FilesystemError):
    """We are to blame: no descriptor left, or a disk that does not answer."""


class Entry(NamedTuple):
    """One line of a folder's listing."""

    name: str
    is_folder: bool
    size: int = 0  # bytes
    mtime: int = 0  # whole seconds since 1970


class Contents(NamedTuple):
    """What a folder's listing shows: folders first, then by name; and how much it does not show."""

    entries: list[Entry]
    left_out: int = 0


class Known(NamedTuple):
    """What we remember of a file that was found inside."""

    identity: tuple[int, ...]  # differs as soon as it is another file, or was changed
    notes: dict[str, object]


class OpenFile:
    """A regular file's descriptor and what fstat() said of it; close() may be called again.

    name: the path by which it was opened.
    content: all of it, if somebody has read it; nobody needs the descriptor then.
    notes: for whoever opens files to keep what takes long to work out; shared by all who open
        the same path, gone when the file changes.  Does not promise to last that long.
    """

    __slots__ = ("content", "descriptor", "known", "name", "status")

    def __init__(self, name: str, descriptor: int, status: os.stat_result, known: Known) -> None:
        self.name = name
        self.descriptor = descriptor
        self.status = status
        self.known = known
        self.content: bytes | None = None

    @property
    def notes(self) -> dict[str, object]:
        return self.known.notes

    @property
    def mtime(self) -> int:
        """The last modification, in whole seconds since 1970."""
        return self.status.st_mtime_ns // BILLION

    def fileno(self) -> int:
        return self.descriptor

    def close(self) -> None:
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)


class Filesystem:
    """The files below `root`; links that leave it are refused unless `follow_links`.

    hidden: also what has a name that begins with a dot, or lies below one; without it only what is
        below "/.well-known/".
    A path is absolute, "/" means the root, and bytes that are not UTF-8 may be in it as
    surrogates.  Does not promise that a folder keeps its contents between two calls.
    """

    def __init__(
        self, root: str | os.PathLike[str], follow_links: bool = False, hidden: bool = False
    ) -> None:
        self.root = os.path.abspath(root).rstrip("/")
        self.follow_links = follow_links
        self.hidden = hidden
        self.flags = FLAGS if follow_links else FLAGS | os.O_NOFOLLOW
        self._real_root = os.path.realpath(root)
        self._known: dict[str, Known] = {}

    def translate(self, path: str) -> str:
        """The real path for `path`; only text is judged here, not what is on the disk."""
        if path in self._known:
            return self.root + path
        names = split(path)
        if not self.hidden and _is_hidden(names):
            raise NotFound(path)
        # A slash at the end means a folder to open() as well: "/file.txt/" is no file.
        slash = "/" if names and path.endswith("/") else ""
        return self.root + "/" + "/".join(names) + slash

    def open(self, path: str) -> OpenFile:
        """Open a regular file; the caller closes it.

        Raises NotFound, Forbidden, IsFolder or Unavailable.
        """
        known = self._known.get(path)
        target = self.translate(path)
        descriptor = self._open(path, target, self.flags)
        try:
            status = os.fstat(descriptor)
            identity = _identity(status)
            # The same file, unchanged, was found inside under this path before.  Should a folder
            # above have been moved out and linked back since, it is still what we published.
            if known is None or known.identity != identity:
                self._admit(path, target, descriptor, status)
                known = self._remember(path, target, identity)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError):
                raise _translated(path, error) from None
            raise
        return OpenFile(path, descriptor, status, known)

    def is_unchanged(self, path: str, file: OpenFile) -> bool:
        """Is the file that was opened by this path still there, as it was?

        Costs a stat(), half of opening it again.
        """
        try:
            return _identity(os.stat(self.root + path)) == file.known.identity
        except OSError:
            return False

    def may_exist(self, path: str) -> bool:
        """Is it worth trying to open this path?

        For what is mostly missing: no costs 0.8 us, and a failed open() and its exception 3 us.
        """
        return os.access(self.translate(path), os.F_OK)

    def listdir(self, path: str) -> Contents:
        """What is in a folder, at most LISTED entries of it; hidden names only if they are served.

        A link that leads nowhere is left out, and not counted.
        Raises NotFound, Forbidden or Unavailable.
        """
        target = self.translate(path)
        descriptor = self._open(path, target, FLAGS | os.O_DIRECTORY)
        try:
            if not self._is_inside(descriptor, target):
                raise Forbidden(path)
            with _errors(path), os.scandir(descriptor) as entries:
                # Sorted before it is cut: otherwise chance would say what is left out.
                shown = sorted(
                    (not _is_folder(entry), entry.name, entry)
                    for entry in entries
                    if self.hidden or not entry.name.startswith(".")
                )
                listed = [_entry(entry) for _, _, entry in shown[:LISTED]]
                return Contents([entry for entry in listed if entry], len(shown) - len(listed))
        finally:
            os.close(descriptor)

    def _open(self, path: str, target: str, flags: int) -> int:
        try:
            return os.open(target, flags)
        except (OSError, UnicodeError) as error:
            if not self._is_link(error):
                raise _translated(path, error) from None
        real = os.path.realpath(target)
        if not self._is_below_root(real):
            raise Forbidden(path)
        with _errors(path):
            return os.open(real, flags)

    def _is_link(self, error: Exception) -> bool:
        return not self.follow_links and isinstance(error, OSError) and error.errno in LINK

    def _admit(self, path: str, target: str, descriptor: int, status: os.stat_result) -> None:
        if not self._is_inside(descriptor, target):
            raise Forbidden(path)
        if stat.S_ISDIR(status.st_mode):
            raise IsFolder(path)
        if not stat.S_ISREG(status.st_mode):
            raise NotFound(path)

    def _is_inside(self, descriptor: int, target: str) -> bool:
        if self.follow_links:
            return True
        try:
            return self._is_below_root(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            pass
        # No /proc: ask by name, and make sure that the name stands for what we hold.
        real = os.path.realpath(target)
        try:
            same = os.path.samestat(os.stat(real), os.fstat(descriptor))
        except OSError:
            return False
        return same and self._is_below_root(real)

    def _is_below_root(self, real: str) -> bool:
        if _contains(self._real_root, real):
            return True
        # The root itself may be a link that was pointed at the next release a moment ago.
        self._real_root = os.path.realpath(self.root or "/")
        return _contains(self._real_root, real)

    def _remember(self, path: str, target: str, identity: tuple[int, ...]) -> Known:
        known = Known(identity, {})
        # Only plain paths: nobody shall fill our memory with a thousand spellings of one file.
        if target == self.root + path:
            self._known.pop(path, None)
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[path] = known
        return known


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _entry(entry: os.DirEntry[str]) -> Entry | None:
    try:
        status = entry.stat()
    except OSError:
        return None
    folder = stat.S_ISDIR(status.st_mode)
    return Entry(entry.name, folder, status.st_size, status.st_mtime_ns // BILLION)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns,
    )  # fmt: skip


def split(path: str) -> list[str]:
    """The names in a path, without empty ones and ".".

    Raises NotFound for NUL and for "..", which every honest client resolves by itself.
    """
    names = [name for name in path.split("/") if name and name != "."]
    if ".." in names or "\0" in path:
        raise NotFound(path)
    return names


def _is_hidden(names: list[str]) -> bool:
    shown = names[1:] if names[:1] == [WELL_KNOWN] else names
    return any(name.startswith(".") for name in shown)


def _contains(root: str, real: str) -> bool:
    return real == root or real.startswith(root if root.endswith("/") else root + "/")


def _translated(path: str, error: Exception) -> FilesystemError:
    # A path that cannot be encoded for the file system names nothing on it.
    if not isinstance(error, OSError) or error.errno in ABSENT:
        return NotFound(path)
    if error.errno in DENIED:
        return Forbidden(path)
    return Unavailable(path)


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:
        raise _translated(path, error) from None
