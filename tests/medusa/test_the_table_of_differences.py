"""The table "On the wire" names every recorded case that is answered in another way, no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.medusa import test_wire_medusa, test_wire_zserver
from tests.medusa.wire import CLOSED

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "old-names.md"
SECTION = PAGE.read_text(encoding="utf-8").partition("\n## On the wire\n")[2].partition("\n## ")[0]

#: The last cells of all rows.
CELLS = [line.split(" | ")[-1] for line in SECTION.splitlines() if line.startswith("|")]
NAMED = [name for cell in CELLS for name in re.findall(r"`(\w+)`", cell)]

#: The answers are the same; what the access log says of them is not.
DIFFERS_IN_THE_LOG = {"log_injection"}


def closes_without_a_word(case):
    """The comparison of answers leaves this out, for it is so in every case."""
    received = case["received"]
    return case["end"] == CLOSED and received and "connection: close" not in received.lower()


def differing():
    names = set(DIFFERS_IN_THE_LOG)
    for module in (test_wire_medusa, test_wire_zserver):
        names |= set(module.RIGHT)
        noted = {name: case for name, case in module.CASES.items() if case["rfc"] != "conforms"}
        names |= {name for name, case in noted.items() if closes_without_a_word(case)}
    return names


def test_no_case_is_named_twice():
    assert sorted(NAMED) == sorted(set(NAMED))


@pytest.mark.parametrize("name", sorted(differing()))
def test_a_case_that_is_answered_in_another_way_is_in_the_table(name):
    assert name in NAMED


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_case_in_the_table_is_answered_in_another_way(name):
    assert name in differing()
