"""Which files are meant by the files and folders somebody names."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

#: How Python source is called; .mpy are medusa's script pages.
SUFFIXES = frozenset({".py", ".pyw", ".mpy"})

#: The first line of a program without a suffix.
SHEBANG = re.compile(rb"#!.*\bpython")


class NothingThere(Exception):
    """A path that leads nowhere, or to what we may not see; the message is a sentence."""


def find_sources(paths: Iterable[Path]) -> list[Path]:
    """The source files among `paths` and in the folders among them, each once.

    A file that is named is taken as it is, whatever its name; a link that is named is followed.
    Inside folders links are left alone: where they lead is somebody else's, or found anyway.
    Raises NothingThere for a path that does not exist.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise NothingThere(f"{str(path)!r} cannot be read: {reason}; check the path") from error
        for each in in_folder(path) if stat.S_ISDIR(mode) else [path]:
            found.setdefault(each.resolve(), each)
    return list(found.values())


def in_folder(folder: Path) -> Iterator[Path]:
    """The source files below a folder, but for what is hidden and for links."""

    def refuse(error: OSError) -> None:
        sentence = f"the folder {str(error.filename)!r} cannot be read: {error.strerror}"
        raise NothingThere(f"{sentence}; change its mode, or name what is beside it") from error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name != "__pycache__"
        )
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and not path.is_symlink() and is_source(path):
                yield path


def is_source(path: Path) -> bool:
    """Is it Python by its name, or by its first line?"""
    if path.suffix:
        return path.suffix in SUFFIXES
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return bool(SHEBANG.match(file.readline(200)))
    except OSError:
        return False
