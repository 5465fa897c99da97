"""A listener that runs in a thread, and clients that talk lines and bytes to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lifetime import Lifetime, Patience
from tests.wire.conftest import Peer, Served


@contextmanager
def talking(make: Callable[[Lifetime], Any], **patience: float) -> Iterator[Served]:
    """What `make(lifetime)` builds serves for as long as the block lasts."""
    patience.setdefault("fast", 0.2)
    lifetime = Lifetime(patience=Patience(**patience))
    served = Served(lifetime, make(lifetime))
    try:
        yield served
    finally:
        served.stop()


def hear(peer: Peer, *pieces: str | bytes) -> None:
    """The next bytes that come are exactly these."""
    expected = b"".join(each.encode() if isinstance(each, str) else each for each in pieces)
    heard = peer.read(len(expected))
    assert heard == expected


def hear_until(peer: Peer, end: bytes) -> bytes:
    """Everything to the first `end`, which belongs to it."""
    heard = b""
    while not heard.endswith(end):
        heard += peer.read(1)
    return heard
