"""What one test may leave behind: no request, no block, no handler, no thread, no setting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lifetime.inquiry import guests
from lifetime.protection import release
from lifetime.protection.configuration import Configuration
from lifetime.protection.manager import manager


@pytest.fixture(autouse=True)
def fresh_manager() -> Iterator[None]:
    """The process as it is before anybody has protected anything."""
    yield
    guests.clear()
    manager.requests.clear()
    release()
    manager.configuration = Configuration()
