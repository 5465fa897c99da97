"""The files of Unix sockets: they are in the simulated world only, and no real one is in there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from itertools import count
from typing import Any

#: The device on which these files are; the system has none of this number.
DEVICE = -1


class SocketFiles:
    """Paths to which sockets were bound, until somebody removes them.

    To a server in a simulated world a real socket is not there, so that it never removes one.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # path -> inode
        self._next = count(1)

    def __contains__(self, path: object) -> bool:
        return path in self._numbers

    @property
    def paths(self) -> list[str]:
        """Those that are there."""
        return list(self._numbers)

    def add(self, path: str) -> None:
        """A socket is bound to it."""
        self._numbers[path] = next(self._next)

    def stand_ins(self) -> list[tuple[Any, str, Any]]:
        """(object, attribute, stand-in) for what programs do with such a file."""
        return [
            (os, "stat", self._instead(os.stat, self._status)),
            (os, "lstat", self._instead(os.lstat, self._status)),
            (os, "chmod", self._instead(os.chmod, lambda path: None)),
            (os, "unlink", self._instead(os.unlink, self._numbers.__delitem__)),
            (os, "remove", self._instead(os.remove, self._numbers.__delitem__)),
        ]

    def _instead(
        self, original: Callable[..., Any], simulated: Callable[[str], object]
    ) -> Callable[..., Any]:
        lstat = os.lstat

        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            if isinstance(path, int) or options.get("dir_fd") is not None:
                return original(path, *arguments, **options)
            name = os.fsdecode(path)
            if name in self:
                return simulated(name)
            try:
                is_real_socket = stat.S_ISSOCK(lstat(path).st_mode)
            except (OSError, ValueError):
                is_real_socket = False  # and `original` says what is wrong with it
            if is_real_socket:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            return original(path, *arguments, **options)

        return call

    def _status(self, path: str) -> os.stat_result:
        mode = stat.S_IFSOCK | 0o755
        return os.stat_result((mode, self._numbers[path], DEVICE, 1, 0, 0, 0, 0, 0, 0))
