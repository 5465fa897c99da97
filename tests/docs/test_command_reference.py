"""docs/reference/command.md has a row for every option of `lifetime serve`, and no other."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from servers.command import serve

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "command.md"


def options_of_the_page() -> set[str]:
    table = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    return set(re.findall(r"^\| `(--[\w-]+)", table, re.MULTILINE))


def test_every_option_has_its_row() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    serve.add_arguments(parser)
    options = {each for action in parser._actions for each in action.option_strings}
    assert options_of_the_page() == options
