"""A file is read as it was written, and written as it was read."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest

from servers.porting.reading import MAX_SIZE, Unreadable, decode, read

HERE = Path("program.py")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x = 1",
        b"x = 1\n",
        b"x = 1\r\ny = 2\r\n",
        b"x = 1\ry = 2\r",
        b"x = 1\r\ny = 2\nz = 3\r",
        b"x = 1\n\n\r\n",
        b"x = '\x0c\x1c\x1d'\n\x0c\ny = 2\n",
        codecs.BOM_UTF8 + b"x = 1\r\n",
        codecs.BOM_UTF8,
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"#!/usr/bin/python\n# vim: set fileencoding=koi8-r :\nx = '\xc1'\n",
        "x = 'é\u2028ü'\n".encode(),
    ],
)
def test_what_was_not_changed_is_written_as_it_was(raw: bytes) -> None:
    source = decode(HERE, raw)
    assert source.encode(source.text) == raw


def test_lines_keep_their_ends_around_a_changed_one() -> None:
    source = decode(HERE, b"a\r\nb\nc\r\nd")
    assert source.encode("a\nB\nc\nd\n") == b"a\r\nB\nc\r\nd"


def test_a_new_line_ends_as_most_lines_do() -> None:
    source = decode(HERE, b"a\r\nb\r\n")
    assert source.encode("a\nnew\nb\n") == b"a\r\nnew\r\nb\r\n"


@pytest.mark.parametrize(
    ("raw", "line", "reason"),
    [
        (b"x = 1\ny = '\xe9'\n", 2, "write its encoding into the first line"),
        (b"x = '\xe9'\n", 1, "write its encoding into the first line"),
        (b"# coding: utf-8\nx = 1\ny = '\xe9'\n", 3, "which the file says it is"),
        (b"# coding: klingon\n", 1, "klingon"),
        (b"# coding: rot13\n", 1, "rot13"),
        (b"# coding: hex\n", 1, "hex"),
        (b"# coding: utf-7\nx = '+AGE-'\n", 1, "not be the same again"),
        (b"\x7fELF\x02\x01\n\x00\x00", 2, "NUL byte"),
        (b"\xff\xfex\x00\n\x00", 1, "NUL byte"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", 1, "encoding problem"),
        (b"\x89PNG\r\n\x1a\n\xde\xad", 1, "byte 0x89"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(raw: bytes, line: int, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as refusal:
        decode(HERE, raw)
    assert refusal.value.line == line


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.py"
    path.write_bytes(b"#" * (MAX_SIZE + 1))
    with pytest.raises(Unreadable, match="is larger than"):
        read(path)


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.py"
    os.mkfifo(path)
    with pytest.raises(Unreadable, match="is not a file"):
        read(path)


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        read(tmp_path / "gone.py")
