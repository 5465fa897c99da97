"""Small files stay in memory, for as long as they do not change on disk.

A file that is in memory goes out in one call together with the head of its answer, and costs one
stat() instead of open(), fstat(), sendfile() and close(): of the 50 us of CPU that an answer of
100 kB takes, that saves 20.
A large one gains nothing, since the kernel copies it best.

The file system's clock is coarse: a file written twice within one tick, with the same size, looks
unchanged.  So we keep only what has been at rest for a while (git calls this "racily clean").
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from servers.filesystem import Filesystem, OpenFile, Unavailable

SMALL = 128 * 1024  # bytes; a larger file is never kept
BUDGET = 16 * 1024 * 1024  # bytes of all files that are kept
OVERHEAD = 2048  # bytes we reckon for an entry's path, notes and status
SETTLED = 2.0  # seconds without a change; the coarsest clock we know, FAT's, ticks as slowly


class FileCache:
    """Opens files as a Filesystem does, and keeps the contents of small ones.

    clock: seconds since 1970, as the file system counts them.
    Does not notice a change through mmap() before the system has written it down.
    """

    def __init__(
        self,
        filesystem: Filesystem,
        budget: int = BUDGET,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.filesystem = filesystem
        self.budget = budget
        self.clock = clock
        self.used = 0
        self._kept: dict[str, OpenFile] = {}  # closed, with their contents; the oldest first

    def __contains__(self, path: str) -> bool:
        """Whether the content of this path is kept; it may have changed on disk."""
        return path in self._kept

    def open(self, path: str) -> OpenFile:
        """A file with its content, or a large one without, open; the caller closes it.

        Raises as Filesystem.open() does.
        """
        kept = self._kept.get(path)
        if kept is not None:
            if self.filesystem.is_unchanged(path, kept):
                return kept
            self._forget(path)
        file = self.filesystem.open(path)
        if file.status.st_size <= SMALL:
            try:
                self._read(path, file)
            except BaseException:
                file.close()
                raise
        return file

    def _read(self, path: str, file: OpenFile) -> None:
        size = file.status.st_size
        try:
            content = os.pread(file.fileno(), size, 0)
        except OSError:
            raise Unavailable(path) from None
        if len(content) < size:
            return  # it shrinks while we look: whoever sends it will find out
        file.content = content
        file.close()
        changed = max(file.status.st_mtime, file.status.st_ctime)
        if self.clock() - changed > SETTLED:
            self._keep(path, file)

    def _keep(self, path: str, file: OpenFile) -> None:
        cost = _cost(file)
        self._forget(path)
        while self._kept and self.used + cost > self.budget:
            self._forget(next(iter(self._kept)))
        if cost <= self.budget:
            self._kept[path] = file
            self.used += cost

    def _forget(self, path: str) -> None:
        # While the system answers one loop, another one in another thread may have been here.
        file = self._kept.pop(path, None)
        if file is not None:
            self.used -= _cost(file)


def _cost(file: OpenFile) -> int:
    return file.status.st_size + OVERHEAD
