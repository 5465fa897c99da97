"""A Lifetime of one's own, and what one test may leave behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lifetime import Lifetime


@pytest.fixture
def loop() -> Iterator[Lifetime]:
    """A Lifetime with a map of its own; whatever the test leaves in the map is closed."""
    lifetime = Lifetime()
    yield lifetime
    for member in list(lifetime.map.values()):
        member.close()
    lifetime.poller.close()
