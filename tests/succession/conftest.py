"""A folder in which the command is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.succession.installed import install


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With `site`, and with `lifetime` in `bin`."""
    install(tmp_path)
    return tmp_path
