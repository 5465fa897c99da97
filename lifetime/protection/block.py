"""A protected block: its window, and its part in a shutdown.

What is done here costs next to nothing while no request is pending; the rest is in manager.py.
A signal may come between any two instructions: a block is in the registry or it is not, and
whatever changes that looks for requests behind the change.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from threading import get_ident
from time import monotonic
from types import FrameType

from lifetime.inquiry import guests
from lifetime.phases import Phase, Veto
from lifetime.protection.configuration import window
from lifetime.protection.manager import manager
from lifetime.protection.passage import begun, break_at, ended
from lifetime.protection.requests import HaltProtectedBlockException

#: The same list for ever; one look-up less on the way in and out of every block.
stops = manager.hosts.stops


class ProtectedBlock:
    """A piece of code that is not interrupted before its window is over.

    max_exec_time: the window in seconds; None, 0 or less: the configured one.
    run_at_exit: it may begin while a request is pending, such as clean-up.
    frame: of the function whose `with` begins it; None: it is begun by hand.
    Raises ValueError or TypeError for a window that is no time.

    A thread other than the main one is never interrupted: it has to look at `pending` and
    `remaining()`, or to call `allow_break()`.  When its window is over the main thread stops, and
    the process does not wait for it any longer.
    """

    # What most blocks never change stands here: to make one has to cost next to nothing.
    begun = deadline = 0.0  # on the monotonic clock
    thread = 0  # which has begun it
    task: asyncio.Task[object] | None = None  # whose block it is, under asyncio
    cancel_asked = False  # the loop was asked to cancel that task
    interrupted = False  # it was cancelled

    def __init__(
        self,
        max_exec_time: float | None = None,
        run_at_exit: bool = False,
        name: str | None = None,
        frame: FrameType | None = None,
    ) -> None:
        self.window = manager.configuration.max_exec_time
        if max_exec_time is not None:
            self.window = window(max_exec_time, self.window)
        self.run_at_exit = run_at_exit
        self.key = -id(self)  # among the guests
        self._name = name
        self._code = None if frame is None else frame.f_code
        self._frame = id(frame)  # kept itself, it would keep us

    # For the body

    @property
    def active(self) -> bool:
        """Whether it has begun, and was neither left nor interrupted."""
        return self.key in guests

    @property
    def pending(self) -> bool:
        """Whether the process is to stop."""
        return manager.is_pending()

    def remaining(self) -> float:
        """Seconds until its window is over, 0 at least."""
        return 0.0 if self.interrupted else max(self.deadline - monotonic(), 0.0)

    def allow_break(self, renew: bool = True) -> None:
        """Break here if a request is pending; otherwise the window begins anew.

        renew: False leaves the window as it is.
        Ends the main thread's last block by the exception that stops the process, any other block
        by one that its own `with` swallows, so that what is behind the block goes on.
        """
        if manager.requests or stops:
            break_at(self)
        if renew:
            self.deadline = monotonic() + self.window

    def renew(self, max_exec_time: float | None = None) -> None:
        """Begin the window anew, also while a request is pending.

        max_exec_time: seconds for this time; None, 0 or less: the block's own.
        Raises ValueError when the block is not active, and as the block does for what is no time.
        """
        if self.key not in guests:
            raise ValueError(
                f"{self.shutdown_name} is not active; renew() is for the time between its begin "
                "and its end"
            )
        self.deadline = monotonic() + window(max_exec_time, self.window)
        if manager.requests or stops:
            manager.wake()

    # Begin and end, which the `with` statement calls

    def protect(self) -> None:
        """Begin.

        Raises ShutdownImminentException for the first block of a thread while a request is
        pending, RuntimeError when it is active already, ValueError in a thread that cannot install
        signal handlers when nobody has.
        """
        now = monotonic()
        if now >= manager.look_at:
            manager.look(now)
        if self.key in guests:
            raise RuntimeError(f"{self.shutdown_name} is active already; a block begins once")
        self.thread = get_ident()
        self.begun = now
        self.deadline = now + self.window
        guests[self.key] = self
        if manager.requests or stops:
            begun(self)

    def unprotect(self) -> None:
        """End; a second time, or after an interruption, this does nothing.

        Raises what stops the process when that is due with this block's end.
        """
        self.leave(None)

    def leave(self, error: BaseException | None) -> bool:
        """End, by this error or None.  True if the error has done its work with that."""
        guests.pop(self.key, None)
        if manager.requests or stops:
            ended(self, error)
        if error is None:
            return False
        return isinstance(error, HaltProtectedBlockException) and error.block is self

    # In the shutdown of a Lifetime

    @property
    def in_with(self) -> bool:
        """Whether a `with` has begun it, which swallows the exception that breaks it."""
        return self._code is not None

    @property
    def shutdown_name(self) -> str:
        """What logs and reports call it: its own name, or that of its function."""
        if self._name is not None:
            return self._name
        where = "" if self._code is None else f" in {self._code.co_name}()"
        return f"protected block{where}"

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> Veto | None:
        """Hold phase 3 until the block ends, for as long as its window lasts."""
        in_its_thread = self.thread == get_ident() and self.task is None
        if in_its_thread and not manager.hosts.began_in_a_run(self):
            return None  # we are asked while we run, so the loop runs inside of us
        remaining = self.remaining()
        if phase != Phase.DRAINING or not remaining:
            return None
        return Veto(f"runs in {name_of_thread(self.thread)}", eta=remaining)

    def is_of(self, frame: FrameType) -> bool:
        """Whether the `with` that has begun it stands in this frame."""
        # Frames come and go at the same places, so the place alone says little.
        return self._frame == id(frame) and self._code is frame.f_code

    # In asyncio

    def ask_to_cancel(self, now: float) -> bool:
        """In the watcher's thread: ask the loop to cancel the task if the window is over.

        True if it was asked, which is done once.
        """
        if self.task is None or self.cancel_asked or self.deadline > now:
            return False
        self.cancel_asked = True
        with suppress(RuntimeError):  # its loop is closed
            self.task.get_loop().call_soon_threadsafe(self._cancel)
        return True

    def _cancel(self) -> None:
        """In the loop: cancel the task, unless the window was renewed meanwhile."""
        self.cancel_asked = False
        if self.task is not None and self.active and self.deadline <= monotonic():
            self.cancel_asked = True
            # A task that has ended without its block cannot be cancelled; one that can has its
            # window once more to clean up.  Behind that both are interrupted as other code is.
            if self.task.cancel("the window of a protected block is over"):
                self.interrupted = True
                self.deadline = monotonic() + self.window


def name_of_thread(ident: int) -> str:
    """For people."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return f"thread {names.get(ident, ident)}"
