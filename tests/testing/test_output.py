"""What a server logs and prints is noted, and nowhere else to be seen."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from lifetime.testing.trace import Did
from lifetime.testing.world.output import LENGTH, Output


class Notes(list[tuple[str, str]]):
    """Level and text of what was noted."""

    def __call__(self, who: str, did: Did, **details: Any) -> None:
        assert (who, did) == ("the server", Did.LOG)
        self.append((details["level"], details["text"]))


def test_warnings_and_worse_are_noted() -> None:
    notes = Notes()
    with Output(notes):
        logging.getLogger("lifetime").warning("careful: %d", 3)
        logging.getLogger("anybody's").error("oh")
        logging.getLogger("servers").info("all is well")
    assert notes == [("WARNING", "careful: 3"), ("ERROR", "oh")]


def test_what_is_printed_is_noted_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    notes = Notes()
    with Output(notes):
        print("one\ntwo")
        sys.stdout.flush()
    assert notes == [("PRINT", "one"), ("PRINT", "two")]
    assert capsys.readouterr().out == ""


def test_addresses_in_memory_are_not_noted_and_long_lines_are_cut() -> None:
    notes = Notes()
    with Output(notes):
        print("<object at 0x7f0011223344>")
        print("x" * 1000)
    assert notes == [("PRINT", "<object at 0x...>"), ("PRINT", "x" * LENGTH)]


def test_everything_is_as_it_was_behind_it_and_while_it_is_lifted() -> None:
    def state() -> list[Any]:
        loggers = [logging.getLogger(name) for name in ("", "lifetime", "servers")]
        settings = [(list(each.handlers), each.level, each.propagate) for each in loggers]
        return [sys.stdout, logging.root.manager.disable, *settings]

    before = state()
    with Output(Notes()) as output:
        assert state() != before
        with output.lifted():
            assert state() == before
        assert state() != before
    assert state() == before


def test_a_disabled_log_is_enabled_meanwhile() -> None:
    notes = Notes()
    logging.disable(logging.CRITICAL)
    try:
        with Output(notes):
            logging.getLogger("anybody's").warning("oh")
        assert logging.root.manager.disable == logging.CRITICAL
    finally:
        logging.disable(logging.NOTSET)
    assert notes == [("WARNING", "oh")]
