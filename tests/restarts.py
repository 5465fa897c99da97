"""How many restarts in a row a test makes: a few, and a slow one many."""

from __future__ import annotations

import os
from typing import Any

import pytest


def many(usual: int) -> int:
    """As many as are many; LIFETIME_RESTARTS says otherwise."""
    return int(os.environ.get("LIFETIME_RESTARTS", usual))


def in_a_row(few: int, usual: int) -> list[Any]:
    """A few, and many if that is more; to be the values of a parameter."""
    number = many(usual)
    return [few, *([pytest.param(number, marks=pytest.mark.slow)] if number > few else [])]
