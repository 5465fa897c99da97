"""medusa's filesys: a folder seen through paths, with a current directory.

`..` cannot leave the root; a symbolic link can, as it always could: whoever may make links in the
folder decides.  Handlers subclass these for other back ends, so everything is asked by method.
"""

from __future__ import annotations

import os
import posixpath
import stat as stat_module
import time
from abc import ABCMeta
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Any

from servers.file_cache import FileCache
from servers.filesystem import Filesystem, Forbidden, IsFolder, NotFound, OpenFile
from servers.overriding import Overridable, passed_by

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: A date older than this, or in the future, is listed with its year (seconds).
HALF_A_YEAR = 180 * 86400


class abstract_filesystem:
    """What a filesystem offers.  Paths are text, and relative to the current directory."""

    def current_directory(self) -> str:
        """The current directory."""
        raise NotImplementedError("a filesystem must implement current_directory()")

    def listdir(self, path: str, long: Any = 0) -> Any:
        """A producer of a listing; long: as `ls -l`."""
        raise NotImplementedError("a filesystem must implement listdir(path, long)")

    def open(self, path: str, mode: str) -> IO[Any]:
        """An open file."""
        raise NotImplementedError("a filesystem must implement open(path, mode)")

    def stat(self, path: str) -> Any:
        """As os.stat."""
        raise NotImplementedError("a filesystem must implement stat(path)")

    def isdir(self, path: str) -> Any:
        """Whether it is a folder."""
        raise NotImplementedError("a filesystem must implement isdir(path)")

    def isfile(self, path: str) -> Any:
        """Whether it is a file."""
        raise NotImplementedError("a filesystem must implement isfile(path)")

    def cwd(self, path: str) -> Any:
        """Change the current directory; true if that was possible."""
        raise NotImplementedError("a filesystem must implement cwd(path)")

    def cdup(self) -> Any:
        """Change to the folder above."""
        raise NotImplementedError("a filesystem must implement cdup()")

    def longify(self, path_and_stat: tuple[str, Any]) -> str:
        """One line of a long listing."""
        raise NotImplementedError("a filesystem must implement longify((name, stat))")


class _Kind(Overridable, ABCMeta):
    """Of classes that may have an abstract base beside ours."""


class os_filesystem(abstract_filesystem, metaclass=_Kind):
    """The files below `root`."""

    path_module: Any = posixpath
    as_written: bool  # nobody has overridden how a file is found and opened
    #: Small files that were asked for, by their real paths: one bound for however many filesystems.
    kept_files = FileCache(Filesystem("/", follow_links=True, hidden=True))

    def __init__(self, root: str, wd: str = "/") -> None:
        self.root = root
        self.wd = wd

    def current_directory(self) -> str:
        """The current directory."""
        return self.wd

    def isfile(self, path: str) -> bool:
        """Whether it is a file."""
        return self._is(os.path.isfile, path)

    def isdir(self, path: str) -> bool:
        """Whether it is a folder."""
        return self._is(os.path.isdir, path)

    def _is(self, test: Callable[[str], bool], path: str) -> bool:
        try:
            return test(self.translate(path))
        except ValueError:  # a name that no file can have: a NUL, or what cannot be encoded
            return False

    def cwd(self, path: str) -> bool:
        """Change the current directory; True if that was possible."""
        path = self.normalize(self.path_module.join(self.wd, path))
        if not self.isdir(path):
            return False
        self.wd = path
        return True

    def cdup(self) -> bool:
        """Change to the folder above."""
        return self.cwd("..")

    def listdir(self, path: str, long: Any = 0) -> list_producer:
        """A producer of a listing."""
        folder = self.translate(path)
        names = sorted(os.listdir(folder))
        if not long:
            return list_producer(names)
        found = ((name, safe_stat(os.path.join(folder, name))) for name in names)
        return list_producer([each for each in found if each[1] is not None], self.longify)

    def stat(self, path: str) -> os.stat_result:
        """As os.stat."""
        return os.stat(self.translate(path))

    def open(self, path: str, mode: str) -> IO[Any]:
        """An open file."""
        return open(self.translate(path), mode)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        os.unlink(self.translate(path))

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        os.mkdir(self.translate(path))

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(self.translate(path))

    def rename(self, source: str, target: str) -> None:
        """Give a file another name."""
        os.rename(self.translate(source), self.translate(target))

    def longify(self, path_and_stat: tuple[str, Any]) -> str:
        """One line of a long listing."""
        return unix_longify(*path_and_stat)

    def normalize(self, path: str) -> str:
        """The path without `.`, `..` and double slashes; `..` at the root stays there."""
        path = self.path_module.normpath(path) or "/"
        while path == "/.." or path.startswith("/../"):
            path = path[3:] or "/"
        if path.startswith("//"):
            path = path[1:]
        return path

    def is_plain(self) -> bool:
        """Whether `open_regular` finds what the methods would find, for all of them are ours."""
        return (
            self.as_written
            and self.__dict__.keys() <= _OWN
            and type(self.root) is str  # a Path is as good, the long way
            and self.root[:1] == "/"
            and "/.." not in self.root
        )

    def open_regular(self, path: str) -> OpenFile:
        """A regular file, mostly with its content; the caller closes it.

        Raises as `servers.filesystem.Filesystem.open` does, and Forbidden for what is kept because
        another user might read it, as who the process ran then: now the system has to be asked.
        """
        real = _real_path(self.root, self.wd, path)
        if real not in self.kept_files:
            _refuse_what_is_no_file(real, path)
        file = self.kept_files.open(real)
        reader = os.geteuid(), os.getegid()
        if file.notes.setdefault("reader", reader) != reader:
            file.close()
            raise Forbidden(path)
        return file

    def translate(self, path: str) -> str:
        """The real path."""
        path = self.normalize(self.path_module.join(self.wd, path))
        inner = self.normalize(self.path_module.join("/", path))[1:]
        return os.path.join(self.root, inner) if inner else self.root

    def __repr__(self) -> str:
        return f"<unix-style fs root:{self.root} wd:{self.wd}>"


#: What an object has, unless something was put into this one alone.
_OWN = frozenset({"root", "wd", "kept_files"})

passed_by(
    os_filesystem, ("translate", "normalize", "isfile", "isdir", "stat", "open", "path_module")
)


@lru_cache(maxsize=256)
def _real_path(root: str, wd: str, path: str) -> str:
    """As `translate`; remembered, for it takes longer than to open the file."""
    return os_filesystem(root, wd).translate(path)


def _refuse_what_is_no_file(real: str, path: str) -> None:
    """Raise NotFound or IsFolder without opening it: who waits at a FIFO's other end would notice.

    path: by which it was asked for.
    """
    if not _exists(real):
        raise NotFound(path)
    if not os.path.isfile(real):
        raise IsFolder(path) if os.path.isdir(real) else NotFound(path)


def _exists(path: str) -> bool:
    """Whether it is worth trying to open it: to be told so is a third of failing."""
    try:
        return os.access(path, os.F_OK, effective_ids=_KNOWS_EFFECTIVE_IDS)
    except ValueError:  # a name that no file can have
        return False


_KNOWS_EFFECTIVE_IDS = os.access in os.supports_effective_ids

unix_filesystem = os_filesystem


class schizophrenic_unix_filesystem(os_filesystem):
    """Looks at the files as another user: persona is (uid, gid).

    The whole process has that identity meanwhile; so no other thread may run.
    """

    def __init__(self, root: str, wd: str = "/", persona: tuple[Any, Any] = (None, None)) -> None:
        super().__init__(root, wd)
        self.process_uid = os.getuid()
        self.process_gid = os.getgid()
        self.persona = persona

    @contextmanager
    def as_persona(self) -> Iterator[None]:
        """With the other identity, as far as it is given."""
        uid, gid = self.persona
        try:
            if gid is not None:
                os.setegid(gid)
            if uid is not None:
                os.seteuid(uid)
            yield
        finally:
            if uid is not None:
                os.seteuid(self.process_uid)
            if gid is not None:
                os.setegid(self.process_gid)

    def become_persona(self) -> None:
        """Take the other identity on."""
        uid, gid = self.persona
        if gid is not None:
            os.setegid(gid)
        if uid is not None:
            os.seteuid(uid)

    def become_nobody(self) -> None:
        """Take our own identity back."""
        os.seteuid(self.process_uid)
        os.setegid(self.process_gid)

    def _is(self, test: Callable[[str], bool], path: str) -> bool:
        with self.as_persona():
            return super()._is(test, path)

    def listdir(self, path: str, long: Any = 0) -> list_producer:
        """A producer of a listing."""
        with self.as_persona():
            return super().listdir(path, long)

    def stat(self, path: str) -> os.stat_result:
        """As os.stat."""
        with self.as_persona():
            return super().stat(path)

    def open(self, path: str, mode: str) -> IO[Any]:
        """An open file."""
        with self.as_persona():
            return super().open(path, mode)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        with self.as_persona():
            super().unlink(path)

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        with self.as_persona():
            super().mkdir(path)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        with self.as_persona():
            super().rmdir(path)


class msdos_filesystem(os_filesystem):
    """The same, listed as DOS did."""

    def longify(self, path_and_stat: tuple[str, Any]) -> str:
        """One line of a long listing."""
        return msdos_longify(*path_and_stat)


class merged_filesystem:
    """Several filesystems as one; it never did anything."""

    def __init__(self, *fsys: Any) -> None:
        self.fsys = fsys


class list_producer:
    """Lines of a listing, fifty at a time."""

    def __init__(self, list: Iterable[Any], func: Callable[[Any], str] | None = None) -> None:
        self.list = [*list]
        self.func = func

    def more(self) -> bytes:
        """The next lines."""
        now, self.list = self.list[:50], self.list[50:]
        lines = now if self.func is None else [self.func(each) for each in now]
        return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


def safe_stat(path: str) -> os.stat_result | None:
    """As os.stat, None for what is not there."""
    try:
        return os.stat(path)
    except OSError:
        return None


def unix_longify(file: str, stat_info: Any) -> str:
    """One line of `ls -l`."""
    return (
        f"{stat_module.filemode(stat_info.st_mode)} {stat_info.st_nlink:3d} "
        f"{stat_info.st_uid:<8} {stat_info.st_gid:<8} {stat_info.st_size:8d} "
        f"{ls_date(int(time.time()), stat_info.st_mtime)} {file}"
    )


def msdos_longify(file: str, stat_info: Any) -> str:
    """One line of DOS's `dir`."""
    is_folder = stat_module.S_ISDIR(stat_info.st_mode)
    size = "<DIR>          " if is_folder else f"{stat_info.st_size:15d}"
    return f"{msdos_date(stat_info.st_mtime)}  {size} {file}"


def msdos_date(t: float) -> str:
    """A date and time as DOS had them, in UTC."""
    year, month, day, hour, minute, *_ = time.gmtime(t)
    half = "PM" if hour >= 12 else "AM"
    return f"{month:02d}-{day:02d}-{year % 100:02d}  {hour % 12 or 12:02d}:{minute:02d}{half}"


def ls_date(now: float, t: float) -> str:
    """A date as `ls -l` has it, in UTC: with the time if it is recent, else with the year."""
    year, month, day, hour, minute, *_ = time.gmtime(t)
    if 0 <= now - t < HALF_A_YEAR:
        return f"{MONTHS[month - 1]} {day:2d} {hour:02d}:{minute:02d}"
    return f"{MONTHS[month - 1]} {day:2d}  {year:4d}"
