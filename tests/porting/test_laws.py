"""What holds for every program: for the old ones, and for any mixture of their pieces."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from servers.porting import syntax
from servers.porting.comments import comments
from servers.porting.examining import examine
from servers.porting.reading import LINE_END, Unreadable, decode
from servers.porting.report_html import page_of
from servers.porting.report_text import text_of
from servers.porting.syntax import Refusal
from servers.porting.totals import Totals

if TYPE_CHECKING:
    from servers.porting.conversion import Converter

#: Statements of Python 2, of Python 3, and of both; {} is another one, one level deeper.
PIECES = [
    "print 'x', y,", "print", "print >>log, `x`  # tail", "print(1)", "exec 'x' in d",
    "raise 'busy', who", "raise KeyError, 'k'", "x = d.has_key(k)  # head", "x = 0755 <> 10L",
    "import string\n~x = string.join(string.split(y), '')", "import urlparse, StringIO",
    "x = map(f, d.keys())", "x = '''\n\t a # b\r\n''' % y", "x = apply(f, # why\n~    args)",
    "x = [1,  # one\n\t 2]", "pass", "# alone", "", "x = u'\\xe9' + ur'y'", "x = unicode(y)",
    "for k in d.iterkeys(): del d[k]", "if 1:\n{}", "try:\n{}\n~except E, (a, b): # why\n{}",
    "def f(self, (a, b), c=`1`): # pair\n{}", "class A:\n{}", "while 1: # loop\n{}",
    "x = raw_input()", "x = lambda (a, b): a", "x = d.keys()\n~x.sort()", "\x0c",
    "x = reduce(f, y)", "from types import *", "x = sys.maxint",
    "x.set_terminator('\\r\\n'); y = len(z) / 2",
]  # fmt: skip


@st.composite
def blocks(draw: st.DrawFn, depth: int = 0, tabs: bool | None = None) -> str:
    """Some statements, indented as one or several people would."""
    margins = {False: "    " * depth, True: "\t" * depth}
    text = []
    for piece in draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3)):
        with_tabs = draw(st.booleans()) if tabs is None and depth else bool(tabs)
        margin = "\t" * (depth // 2) + "    " * (depth % 2) if tabs is None else margins[with_tabs]
        while "{}" in piece:
            inner = draw(blocks(depth + 1, tabs)) if depth < 3 else f"{margin} pass\n"
            piece = piece.replace("{}", inner.rstrip("\n").removeprefix("\x00"), 1)
        first = "" if piece in ("", "\x0c") else margin
        text.append(first + piece.replace("~", margin))
    if depth:
        text.append(("\t" * (depth // 2) + "    " * (depth % 2) if tabs is None
                     else margins[bool(tabs)]) + "pass")  # fmt: skip
    return "\n".join(text) + "\n"


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file of such statements, in some encoding and with some line ends."""
    text = draw(blocks(0, draw(st.sampled_from([None, False, True]))))
    if draw(st.booleans()):
        text = text[:-1]
    ends = draw(st.sampled_from([("\n",), ("\r\n",), ("\r",), ("\n", "\r\n"), ("\r\n", "\n")]))
    lines = re.split("\r\n|\n", text)
    text = "".join(
        line + ends[number % len(ends)] for number, line in enumerate(lines[:-1])
    ) + lines[-1]  # fmt: skip
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]))
    if encoding == "latin-1":
        text = f"# -*- coding: latin-1; d\xe9j\xe0 -*-{ends[0]}{text}"
    return text.encode(encoding)


def obeys(raw: bytes, path: Path, converter: Converter) -> bool:
    """Check the laws for one file; False if it cannot be read."""
    path.write_bytes(raw)
    try:
        examined = examine(path, converter)
    except Unreadable as refusal:
        assert refusal.reason
        return False
    new = decode(path, examined.raw)
    # It is Python 3.
    assert not isinstance(syntax.parse(new.text), Refusal)
    # Converted once more, it stays as it is.
    again = converter.convert(new.text, str(path))
    assert not isinstance(again, Refusal) and again.text == new.text
    # No comment is lost.
    lost = Counter(comments(examined.source.text).values()) - Counter(comments(new.text).values())
    assert not lost
    # Encoding, mark and line ends are kept.
    assert new.encoding == examined.source.encoding
    ends = set(examined.source.ends) - {""} or {"\n"}
    assert set(LINE_END.findall(new.raw.decode(new.encoding))) <= ends
    assert raw.endswith((b"\n", b"\r")) == new.raw.endswith((b"\n", b"\r")) or not new.raw
    # A file that does not change does not change by a byte.
    assert bool(examined.changes) == (new.raw != raw) == bool(examined.diff())
    # Every line that is reported is a line of the file.
    last = max(len(examined.source.ends), 1)
    assert all(1 <= finding.line <= last for finding in examined.findings)
    # Both reports can be made of it, and nothing in the text moves a cursor.
    totals = Totals((examined,))
    assert text_of(totals).replace("\n", "").isprintable() and page_of(totals).endswith("</html>\n")
    return True


def test_the_laws_hold_for_old_programs(old_program: Path, converter: Converter) -> None:
    assert obeys(old_program.read_bytes(), old_program, converter)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raw=files())
def test_the_laws_hold_for_any_mixture(raw: bytes, tmp_path: Path, converter: Converter) -> None:
    event("read" if obeys(raw, tmp_path / "program.py", converter) else "refused")


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_the_laws_hold_for_junk(raw: bytes, tmp_path: Path, converter: Converter) -> None:
    obeys(raw, tmp_path / "program.py", converter)


@pytest.mark.parametrize("stop", range(0, 2000, 37))
def test_the_laws_hold_for_a_file_that_breaks_off(
    stop: int, tmp_path: Path, converter: Converter
) -> None:
    whole = (Path(__file__).parent / "old_programs" / "chat.py2").read_bytes()
    obeys(whole[:stop], tmp_path / "program.py", converter)
