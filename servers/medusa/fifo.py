"""The queue of asynchat as it was in Python 2, and in ZServer and supervisor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any


class fifo(deque[Any]):
    """First in, first out.  `pop` gives `(1, item)`, or `(0, None)` when nothing is left."""

    def __init__(self, list: Iterable[Any] | None = None) -> None:
        super().__init__(() if list is None else list)

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self

    def first(self) -> Any:
        """The next item, which stays.  Raises IndexError if there is none."""
        return self[0]

    def push(self, data: Any) -> None:
        """Put an item behind all others."""
        self.append(data)

    def push_front(self, data: Any) -> None:
        """Put an item before all others."""
        self.appendleft(data)

    def pop(self) -> Any:  # type: ignore[override]
        """Take the next item off."""
        return (1, self.popleft()) if self else (0, None)
