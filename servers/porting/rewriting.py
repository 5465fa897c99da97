"""Writing a file so that at any moment it is either the old one or the new one.

The new text goes into a file beside the old one, to the disk, and then takes its name.  Before that
the old one is kept as `NAME.orig`, and what was changed as `NAME.diff`; neither ever replaces an
older one.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

#: Backups of one file after which we stop counting.
MOST_BACKUPS = 1000


class CannotWrite(Exception):
    """A file that stays as it was; the message is a sentence that says why."""


def rewrite(path: Path, old: bytes, new: bytes, diff: bytes) -> Path:
    """Replace `old` by `new`, and return the path of the backup.

    A link keeps leading to the file, which keeps its mode and, if we may, its owner.
    Raises CannotWrite, with the file untouched, also if it is no longer what it was when it was
    read.
    """
    target = path.resolve()
    try:
        mode = target.stat()
        if not mode.st_mode & 0o222:
            raise CannotWrite(f"{path} is write-protected; make it writable, then run this again")
        if mode.st_nlink > 1:
            raise CannotWrite(f"{path} has a second name (a hard link); break it up first")
        if target.read_bytes() != old:
            raise CannotWrite(f"{path} was changed meanwhile; run this again")
        backup = write_beside(target, ".orig", old, mode)
        write_beside(target, ".diff", diff, None)
        replace(target, new, mode)
    except OSError as error:
        sentence = f"{path} cannot be written: {error.strerror}; nothing of it was changed"
        raise CannotWrite(sentence) from error
    return path.parent / backup.name


def replace(target: Path, data: bytes, like: os.stat_result | None) -> None:
    """Give `target` new contents at once.

    like: whose mode and owner it gets; None for those of any new file.
    """
    # The suffix keeps it out of sight of whoever looks for Python files.
    descriptor, name = tempfile.mkstemp(".tmp", f".{target.name[:100]}.", target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if like is None:
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            else:
                with contextlib.suppress(OSError):  # only root may give a file away
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode))
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_beside(target: Path, suffix: str, data: bytes, like: os.stat_result | None) -> Path:
    """Write `NAME.orig`, or `NAME.1.orig` and so on if that is there; returns which."""
    for number in range(MOST_BACKUPS):
        count = f".{number}" if number else ""
        path = target.with_name(f"{target.name}{count}{suffix}")
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        try:
            replace(path, data, like)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        return path
    raise CannotWrite(f"{target} has {MOST_BACKUPS} backups; remove some")


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
