"""What differs from run to run although nobody drew it: `random`, and when garbage is collected.

A socket in a cycle is closed when the collector happens to run, which depends on all that was
allocated before.  So in a simulated world it runs only at the end.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class Chance:
    """The same chance in each run, for as long as a `with` block lasts."""

    def __init__(self) -> None:
        self._ours = random.Random(0).getstate()
        self._theirs = self._ours
        self._collects = False

    def __enter__(self) -> Chance:
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """For as long as this lasts, everything is as it was."""
        self._end()
        try:
            yield
        finally:
            self._begin()

    def _begin(self) -> None:
        self._collects = gc.isenabled()
        gc.disable()
        self._theirs = random.getstate()
        random.setstate(self._ours)

    def _end(self) -> None:
        self._ours = random.getstate()
        random.setstate(self._theirs)
        if self._collects:
            gc.enable()
