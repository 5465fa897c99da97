"""What is exchanged while a simulated world is active, and put back behind it.

Only names that code under test looks up when it runs: `socket.socket`, `time.time`, the default
socket map and the like.  Whoever took such a name before, with `from time import time`, keeps the
real thing; see docs/explanation/simulation.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any


class Patches:
    """A set of exchanged attributes; entered and left as often as one likes."""

    def __init__(self) -> None:
        self._exchanges: list[tuple[Any, str, Any]] = []
        self._originals: list[tuple[Any, str, Any]] = []
        self._depth = 0

    def exchange(self, exchanges: Iterable[tuple[Any, str, Any]]) -> None:
        """From now on exchange these: (object, attribute, stand-in)."""
        self._exchanges = list(exchanges)
        if self._depth:
            self._put_back()
            self._apply()

    def __enter__(self) -> Patches:
        self._depth += 1
        if self._depth == 1:
            self._apply()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self._put_back()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """For as long as this lasts, everything is as it was."""
        self._put_back()
        try:
            yield
        finally:
            self._apply()

    def _apply(self) -> None:
        for target, name, replacement in self._exchanges:
            self._originals.append((target, name, getattr(target, name)))
            setattr(target, name, replacement)

    def _put_back(self) -> None:
        while self._originals:
            target, name, original = self._originals.pop()
            setattr(target, name, original)
