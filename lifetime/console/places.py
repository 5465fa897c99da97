"""Where a console may be: a path that fits, in a folder into which nobody else writes."""

from __future__ import annotations

import os
import stat

from lifetime.console.client import Unable, file_name, own_directory

#: Bytes of a path that the system takes: `sun_path` of Linux is 108 with its end.
MAX_PATH = 107


class Unbindable(OSError):
    """The console cannot be where it was to be; the message is a sentence with the way out."""


def place(name: str) -> str:
    """The path for a console of that name, or that path.  Raises Unbindable.

    The folder for names is made if it is not there.
    """
    if "/" in name:
        path = name
        check_directory(os.path.dirname(path) or "/")
    else:
        path = _named(name)
    length = len(os.fsencode(path))
    if length > MAX_PATH:
        raise Unbindable(
            f"the path of the console, {path!r}, has {length} bytes, and a socket's may have"
            f" {MAX_PATH}; shorten it"
        )
    return path


def _named(name: str) -> str:
    try:
        file = file_name(name)
    except Unable as error:
        raise Unbindable(str(error)) from error
    directory = own_directory()
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    except OSError as error:
        raise Unbindable(
            f"there is no place for the console: {directory!r}: {error.strerror}; set"
            " XDG_RUNTIME_DIR, or give a path"
        ) from error
    check_directory(directory)
    return os.path.join(directory, file)


def check_directory(directory: str) -> None:
    """Nobody else may put something into it, or take something out.  Raises Unbindable."""
    try:
        status = os.stat(directory)
    except OSError as error:
        raise Unbindable(
            f"the folder {directory!r} of the console cannot be reached: {error.strerror}; make it"
        ) from error
    if not stat.S_ISDIR(status.st_mode):
        raise Unbindable(f"{directory!r} is no folder; name another place for the console")
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
        raise Unbindable(
            f"others may write in {directory!r}; give the console a folder of mode 0700 that"
            " belongs to this user"
        )
