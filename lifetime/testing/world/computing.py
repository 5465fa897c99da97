"""Whoever computes for ever in the loop's thread is interrupted, and the run ends with a sentence.

What counts is the processor's time: a machine that is busy, or a debugger that stands still, takes
none of it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lifetime.testing.world.threads import Threads


@contextmanager
def interrupted(threads: Threads) -> Iterator[None]:
    """As long as this lasts, the loop's thread may not compute for long between two steps.

    That takes a signal, SIGPROF, which reaches the main thread alone; where the loop runs in
    another one, or somebody else has that signal, nobody is interrupted.
    Whoever is gets a SimulationLimit, and so does the world at its next step.
    """
    if not _is_free():
        yield
        return
    beats = -1

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal beats
        if beats == threads.beats:
            raise threads.fail(
                f"the loop's thread has computed for {threads.real_patience:g} s and makes no step;"
                f" it is in {_place(frame)}, which has to come back"
            )
        beats = threads.beats

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, threads.real_patience, threads.real_patience)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)


def _is_free() -> bool:
    return (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGPROF) is signal.SIG_DFL
        and signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    )


def _place(frame: FrameType | None) -> str:
    """The function that was interrupted; not ours if one of theirs has called it."""
    while frame is not None:
        if not str(frame.f_globals.get("__name__")).startswith("lifetime."):
            code = frame.f_code
            return f"{code.co_name}() ({os.path.basename(code.co_filename)}, line {frame.f_lineno})"
        frame = frame.f_back
    return "the loop"
