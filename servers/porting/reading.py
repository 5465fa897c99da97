"""A source file as text, with all that text forgets: encoding, byte order mark, line ends.

Bytes become text, or are refused with the line and the reason; changed text becomes bytes again, in
which everything that was not changed is what it was.  Nothing here opens a file for writing.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import tokenize
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

#: Bytes.  Ten times the longest program of Python's own library; the converter needs a minute for
#: it, and a thousand times as much memory.
MAX_SIZE = 1024 * 1024

#: What Python takes for the end of a line; str.splitlines knows more, such as form feeds.
LINE_END = re.compile(r"\r\n|\r|\n")


class Unreadable(Exception):
    """A file that cannot be read as Python, the line where that shows, and why."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path = path
        self.line = line  # counted from 1; 0 if it is the file as a whole
        self.reason = reason


@dataclass(frozen=True)
class Source:
    """One file as it was read.

    text: with `\\n` at the end of every line, the last one too.
    ends: how each line really ended; the last may be "".
    """

    path: Path
    raw: bytes
    encoding: str
    text: str
    ends: tuple[str, ...]

    def encode(self, text: str) -> bytes:
        """The bytes of a changed text: lines keep their ends, and the file its encoding.

        A line that is new ends as the line it stands for, or as most lines do.
        Raises UnicodeEncodeError if the file's encoding has no bytes for a character.
        """
        old, new = self.text.split("\n")[:-1], text.split("\n")[:-1]
        usual = max(("\n", "\r\n", "\r"), key=self.ends.count)
        ends = [usual] * len(new)
        if len(set(self.ends)) > 1:
            matcher = SequenceMatcher(None, old, new, autojunk=False)
            for _, low, high, new_low, new_high in matcher.get_opcodes():
                for here, there in zip(range(low, high), range(new_low, new_high), strict=False):
                    ends[there] = self.ends[here] or usual
        if new and self.ends and not self.ends[-1]:
            ends[-1] = ""
        lines = "".join(line + end for line, end in zip(new, ends, strict=True))
        return lines.encode(self.encoding)


def read(path: Path) -> Source:
    """Read one source file.

    Raises Unreadable for whatever cannot be read.
    """
    raw = _bytes_of(path)
    return decode(path, raw)


def _bytes_of(path: Path) -> bytes:
    try:
        # Not blocking: to open a named pipe would wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unreadable(path, 0, "is not a file; name one, or a folder")
            raw = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise Unreadable(path, 0, f"cannot be read: {error.strerror}") from error
    if len(raw) > MAX_SIZE:
        raise Unreadable(path, 0, f"is larger than {MAX_SIZE} bytes; split it")
    return raw


def decode(path: Path, raw: bytes) -> Source:
    """The text of a file that is `raw`.

    Raises Unreadable if that is no text, or not in the encoding it says.
    Source: PEP 263.
    """
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise Unreadable(path, line, "has a NUL byte, so it is not Python source")
    encoding = _encoding_of(path, raw)
    try:
        text = raw.decode(encoding)
        back = text.encode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        reason = (
            f"byte 0x{raw[error.start]:02x} is not {encoding}, and the file does not say what it "
            "is; write its encoding into the first line, such as # -*- coding: latin-1 -*-"
            if not _says_its_encoding(raw)
            else f"byte 0x{raw[error.start]:02x} is not {encoding}, which the file says it is"
        )
        raise Unreadable(path, line, reason) from error
    except (LookupError, ValueError) as error:
        raise Unreadable(path, 1, f"its encoding {encoding!r} is not one of text") from error
    if back != raw:
        raise Unreadable(path, 1, f"it would not be the same again in its encoding, {encoding}")
    pieces = LINE_END.split(text)
    ends = LINE_END.findall(text)
    if pieces[-1]:
        ends.append("")
    else:
        pieces.pop()
    return Source(path, raw, encoding, "".join(f"{piece}\n" for piece in pieces), tuple(ends))


def _encoding_of(path: Path, raw: bytes) -> str:
    """The file's encoding; `utf-8-sig` if it begins with a byte order mark."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(_first_lines(raw)).readline)
    except SyntaxError as error:
        if not _says_its_encoding(raw):
            return "utf-8"  # which it is not; decode() says where
        raise Unreadable(path, 1, f"{error.msg}; correct the coding it names") from error
    # detect_encoding cuts the mark off; a file that is only the mark gives no line.
    if raw.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return encoding


def _first_lines(raw: bytes) -> bytes:
    # A file with the line ends of an old Macintosh is one line to readline().
    return re.sub(rb"\r\n?", b"\n", raw[:4096])


def _says_its_encoding(raw: bytes) -> bool:
    return raw.startswith(codecs.BOM_UTF8) or bool(
        re.search(rb"coding[:=]", b"".join(_first_lines(raw).split(b"\n", 2)[:2]))
    )
