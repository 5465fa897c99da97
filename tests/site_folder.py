"""A folder with files of known content, for whoever serves or fetches them."""

from array import array
from pathlib import Path

#: Name and length in bytes of every file.
FILES = {"file1k": 1024, "file100k": 100 * 1024, "big10m": 10 * 1024 * 1024}


def content(length: int) -> bytes:
    """`length` bytes that show a hole, a repetition or a wrong order: numbers counted up."""
    return array("L", range(-(-length // array("L").itemsize))).tobytes()[:length]


def fill(folder: Path) -> Path:
    """Write the files into `folder`, which is made if it is missing; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, length in FILES.items():
        (folder / name).write_bytes(content(length))
    (folder / "index.html").write_text("<!doctype html><title>A site</title>\n")
    return folder
