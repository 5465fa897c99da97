"""The loop's timers, watched: which fires, and which was forgotten."""

from __future__ import annotations

from collections.abc import Callable

from lifetime.testing.trace import Did
from lifetime.timers import Timer, Timers


class ObservedTimers(Timers):
    """Timers that note when one fires.

    note: called as `note(who, did, **details)`; cleared: called before the rest is cancelled.
    """

    def __init__(self, note: Callable[..., None], cleared: Callable[[], None]) -> None:
        super().__init__()
        self._note = note
        self._cleared = cleared

    def pop_due(self, now: float, made_before: int) -> Timer | None:
        """As that of all timers."""
        timer = super().pop_due(now, made_before)
        if timer is not None:
            self._note("loop", Did.TIMER, name=name_of(timer))
        return timer

    def clear(self) -> int:
        """As that of all timers."""
        self._cleared()
        return super().clear()

    @property
    def pending(self) -> list[Timer]:
        """Those that are still to fire."""
        return [timer for _, _, timer in self._heap if timer.active]

    def of_the_application(self) -> list[str]:
        """The names of what may still answer somebody: no limits of the servers themselves."""
        return [
            name_of(timer)
            for timer in self.pending
            if timer.interval is None and timer.due and not _is_ours(timer.due[0])
        ]


def name_of(timer: Timer) -> str:
    """The name of what it calls."""
    if timer.due is None:
        return "over"
    callback = timer.due[0]
    return str(getattr(callback, "__qualname__", type(callback).__qualname__))


def _is_ours(callback: object) -> bool:
    module = str(getattr(callback, "__module__", ""))
    return module.partition(".")[0] in ("lifetime", "servers")
