"""Thousands of drawn shutdowns: nobody reads their logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def silence() -> Iterator[None]:
    """No log records while the laws are tried."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
