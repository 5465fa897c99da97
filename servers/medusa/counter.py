"""medusa's counter: a number that may be counted up from anywhere it is shared."""

from __future__ import annotations


class counter:
    """Counts.  `increment` and `decrement` return the value before, as they always have."""

    __slots__ = ("__weakref__", "value")

    def __init__(self, initial_value: int = 0) -> None:
        self.value = initial_value

    def increment(self, delta: int = 1) -> int:
        """Add `delta`; returns the old value."""
        result = self.value
        self.value = result + delta
        return result

    def decrement(self, delta: int = 1) -> int:
        """Take `delta` away; returns the old value."""
        return self.increment(-delta)

    def as_long(self) -> int:
        """The value."""
        return self.value

    def __iadd__(self, delta: int) -> counter:
        # The engine counts with `+=`, and whoever shares this object must see it.
        self.value += delta
        return self

    def __int__(self) -> int:
        return self.as_long()

    def __index__(self) -> int:
        return self.as_long()

    def __bool__(self) -> bool:
        return self.as_long() != 0

    def __str__(self) -> str:
        return str(self.as_long())

    def __repr__(self) -> str:
        return f"<counter value={self} at {id(self):x}>"
