"""asynchat as medusa's programs know it: `servers.channel.Channel` under its old name."""

from __future__ import annotations

from collections import deque
from typing import Any

from servers.channel import Channel
from servers.medusa import asyncore_25 as asyncore
from servers.medusa.fifo import fifo
from servers.medusa.producers import simple_producer
from servers.producers import overlap

__all__ = ["async_chat", "asyncore", "fifo", "find_prefix_at_end", "simple_producer"]


class async_chat(Channel):
    """A conversation by terminators; text and bytes are both taken."""

    def __getattr__(self, name: str) -> Any:
        # The socket's own methods, such as getsockname: Python 2's dispatchers passed them on.
        sock = None if name.startswith("_") else self.__dict__.get("socket")
        if sock is None or not hasattr(sock, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(sock, name)

    @property
    def producer_fifo(self) -> deque[Any]:
        """What is still to be sent, with the methods of a `fifo`."""
        if self._fifo is None:
            self._fifo = fifo()
        return self._fifo

    @producer_fifo.setter
    def producer_fifo(self, queue: deque[Any]) -> None:
        self._fifo = queue


def find_prefix_at_end(haystack: bytes | str, needle: bytes | str) -> int:
    """How much of the end of `haystack` may be the beginning of `needle`."""
    if isinstance(haystack, str):
        haystack = haystack.encode("latin-1")
    if isinstance(needle, str):
        needle = needle.encode("latin-1")
    return overlap(haystack, needle)
