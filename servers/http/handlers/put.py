"""Take files that clients PUT."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from shutil import copyfileobj
from typing import IO, TYPE_CHECKING, Any, Protocol

from servers.filesystem import NotFound, split

if TYPE_CHECKING:
    from servers.http.request import Request


class Storage(Protocol):
    """Where the files go: paths begin below its root."""

    def isdir(self, path: str) -> object:
        """Whether there is a folder by that name."""

    def isfile(self, path: str) -> object:
        """Whether there is a file by that name."""

    def open(self, path: str, mode: str) -> IO[Any]:
        """Open a file; mode "wb" replaces it.  Raises OSError."""


class Folder:
    """A folder as storage.  Folders in it are not made, and links are not followed out of it."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(root)

    def _real(self, path: str) -> str:
        try:
            names = split(path)
        except NotFound:
            raise FileNotFoundError(errno.ENOENT, "no such name", path) from None
        target = os.path.join(self.root, *names)
        parent = os.path.realpath(os.path.dirname(target)) if names else self.root
        if parent != self.root and not parent.startswith(self.root.rstrip("/") + "/"):
            raise PermissionError(errno.EACCES, "outside of the folder", path)
        return target

    def isdir(self, path: str) -> bool:
        """Whether there is a folder by that name."""
        try:
            return path.endswith("/") or os.path.isdir(self._real(path))
        except OSError:
            return False

    def isfile(self, path: str) -> bool:
        """Whether there is a file by that name."""
        try:
            return os.path.isfile(self._real(path))
        except OSError:
            return False

    def open(self, path: str, mode: str) -> IO[Any]:
        """Open a file; a link in its place is refused."""

        def opener(name: str, flags: int) -> int:
            return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)

        return open(self._real(path), mode, opener=opener)


class Put:
    """PUT to paths that match `pattern` from end to end writes files of `storage`.

    storage: the path of a folder, or an object as `Storage` describes it.
    limit: bytes, more is answered with 413; None for the limit of the server.
    A body is written once all of it is here, so one that breaks off leaves the old file alone.
    Whoever may send here may fill the disk: put `BasicAuth` around it.
    """

    def __init__(
        self,
        storage: str | os.PathLike[str] | Storage,
        pattern: str | re.Pattern[str],
        limit: int | None = None,
    ) -> None:
        self.storage: Storage = (
            Folder(storage) if isinstance(storage, str | os.PathLike) else storage
        )
        self.pattern = re.compile(pattern)
        self.limit = limit

    def match(self, request: Request) -> bool:
        """A PUT to one of our paths."""
        return request.method == "PUT" and self.pattern.fullmatch(self.subject(request)) is not None

    def subject(self, request: Request) -> str:
        """What the pattern is compared with."""
        return request.path

    def handle_request(self, request: Request) -> None:
        """Take the body and write it."""
        path = request.path.lstrip("/")
        if request.head.length is None and not request.head.chunked:
            request.error(411)
        elif self.storage.isdir(path):
            request["Allow"] = "GET, HEAD"
            request.error(405)
        else:
            request.spool_body(self._writer(request, path), self.limit)

    def _writer(self, request: Request, path: str) -> Callable[[IO[bytes]], None]:
        def write(body: IO[bytes]) -> None:
            existed = self.storage.isfile(path)
            try:
                with body, self.storage.open(path, "wb") as file:
                    copyfileobj(body, file)
            except OSError:
                request["Allow"] = "GET, HEAD"
                request.error(405)
                return
            self.answer(request, 204 if existed else 201)

        return write

    def answer(self, request: Request, status: int) -> None:
        """Say that it is done: 201 for a new file, 204 for a changed one."""
        request.reply_code = status
        request.done()
