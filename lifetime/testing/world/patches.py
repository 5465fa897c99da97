"""What is exchanged while a simulated world is active, and put back behind it.

Only names that code under test looks up when it runs: `socket.socket`, `time.time`, the default
socket map and the like.  Whoever took such a name before, with `from time import time`, keeps the
real thing; see docs/explanation/simulation.md.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from lifetime.testing.world.limits import SimulationLimit

#: The threads whose worlds are active, one inside the other; names are exchanged for all threads.
_active: list[int] = []


class Patches:
    """A set of exchanged attributes; entered and left as often as one likes."""

    def __init__(self) -> None:
        self._exchanges: list[tuple[Any, str, Any]] = []
        self._originals: list[tuple[Any, str, Any]] = []
        self._depth = 0
        self._applied = False

    def exchange(self, exchanges: Iterable[tuple[Any, str, Any]]) -> None:
        """From now on exchange these: (object, attribute, stand-in)."""
        self._exchanges = list(exchanges)
        if self._applied:
            self.put_back()
            self._apply()

    def __enter__(self) -> Patches:
        if not self._depth:
            self._apply()
        self._depth += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self.put_back()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """For as long as this lasts, everything is as it was."""
        self.put_back()
        try:
            yield
        finally:
            self._apply()

    @staticmethod
    def check() -> None:
        """Raises SimulationLimit if the names are another thread's just now."""
        if _active and _active[-1] != get_ident():
            raise SimulationLimit(
                "a simulated world is active in another thread of this process; "
                "let one end before the next begins, or use several processes"
            )

    def _apply(self) -> None:
        self.check()
        _active.append(get_ident())
        self._applied = True
        try:
            for target, name, replacement in self._exchanges:
                self._originals.append((target, name, getattr(target, name)))
                setattr(target, name, replacement)
        except BaseException:
            self.put_back()
            raise

    def put_back(self) -> None:
        """Everything is as it was.  Twice does nothing."""
        while self._originals:
            target, name, original = self._originals[-1]
            setattr(target, name, original)
            self._originals.pop()
        if self._applied:
            self._applied = False
            _active.pop()
