"""The reference of FTP is held to the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from servers.ftp import FTPLimits

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "ftp.md"


def test_every_limit_is_on_the_page_with_its_default():
    section = PAGE.read_text(encoding="utf-8").partition("## Limits")[2].partition("\n## ")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+)", section, re.MULTILINE))
    known = {field.name: float(field.default) for field in fields(FTPLimits)}  # type: ignore[arg-type]
    assert {name: float(text) for name, text in shown.items()} == known
