"""Handles: who has asked for commands, and which of those they have not taken yet.

A handle is a small number that is looked up in a table; one that is over is out of it.  A command
goes to every handle.  No lock is held while anything is called: but for the numbers, each decision
that two threads could make at once is a single step of a list or a dictionary.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from lifetime.console.commands import Command, Qedit
from lifetime.console.events import ECB, wait_any
from lifetime.console.protocol import RC

log = logging.getLogger("lifetime.console")

Callback = Callable[[tuple[Any, ...], Qedit], object]

#: Seconds for which `cancel` waits for a callback in progress.
CANCEL_LIMIT = 1.0

#: What `get` returns once its handle was killed.
KILLED = 8


class Delivery:
    """One command on its way to several handles; answered when the last is done with it.

    done: called once with the worst return code and what to say.
    """

    def __init__(self, command: Command, done: Callable[[int, str], object]) -> None:
        self.command = command
        self._done = done
        self._outcomes: list[tuple[int, str]] = []
        self._expected = [0]

    def expect(self, number: int) -> None:
        """So many handles have got it."""
        self._expected[0] = number
        self._look()

    def finished(self, rc: int, text: str = "") -> None:
        """One of them is done with it."""
        self._outcomes.append((rc, text))
        self._look()

    def _look(self) -> None:
        if self._expected[0] and len(self._outcomes) >= self._expected[0]:
            self._done(*max(self._outcomes, key=lambda outcome: outcome[0]))


class Handle:
    """One customer: of `acb` if it has a callback, else of `init` and `get`."""

    def __init__(self, callback: Callback | None = None, parms: Sequence[Any] = ()) -> None:
        self.callback = callback
        self.parms = parms
        self.live = True
        self.told = False  # that there is a stop
        self.ended = ECB()  # cancelled or killed
        self.arrived = ECB()  # something is in the queue; for those who have no callback
        self.waiting: deque[Delivery] = deque()
        self.taken: list[Delivery] = []  # what `get` has returned, until it is answered
        self._running = False  # a callback is in progress, or about to begin
        self._idle: ECB | None = None  # somebody waits for its end

    @property
    def modifies(self) -> int:
        """Modify commands that were not taken yet."""
        return sum(each.command.verb == "Modify" for each in list(self.waiting))

    def offer(self, delivery: Delivery) -> None:
        """Put it into the queue."""
        self.waiting.append(delivery)
        if self.callback is None:
            self.arrived.post()

    def step(self, fold: bool, left: Callable[[SystemExit], object]) -> None:
        """In the runner: call back for the next command.

        left: called with a SystemExit that the callback raises.
        """
        delivery = self.waiting.popleft()
        # Said first, looked at second: `cancel` does it the other way round, so one of us sees
        # the other.
        self._running = True
        try:
            if self.live:
                delivery.finished(*self._call(delivery.command, fold, left))
            else:
                delivery.finished(RC.ALREADY, "the program has stopped listening")
        finally:
            self._running = False
            idle = self._idle
            if idle is not None:
                idle.post()

    def _call(
        self, command: Command, fold: bool, left: Callable[[SystemExit], object]
    ) -> tuple[int, str]:
        callback = self.callback
        assert callback is not None
        try:
            callback((callback, self.parms), command.as_qedit(fold))
        except SystemExit as leaving:
            left(leaving)
        except BaseException as error:  # KeyboardInterrupt too: nobody pressed a key here
            log.exception("the callback %r failed", callback)
            words = "".join(traceback.format_exception_only(type(error), error)).strip()
            return RC.FAILED, f"the callback failed: {words}"
        return RC.ACCEPTED, ""

    def end(self) -> None:
        """No further callback begins."""
        self.live = False
        self.ended.post()
        self.finish_taken()
        if self.callback is None:
            while self.waiting:
                self.waiting.popleft().finished(RC.ALREADY, "the program has stopped listening")

    def wait_until_idle(self) -> None:
        """Wait for the end of a callback in progress, at most `CANCEL_LIMIT` seconds."""
        idle = self._idle = ECB()
        if self._running:
            wait_any([idle], CANCEL_LIMIT)

    def take(self) -> Delivery | None:
        """The next command for `get`; None if there is none."""
        self.finish_taken()
        delivery: Delivery | None = None
        with suppress(IndexError):
            delivery = self.waiting.popleft()
            self.taken.append(delivery)
        if not self.waiting:
            self.arrived.reset()
            if self.waiting:  # one has come in between
                self.arrived.post()
        return delivery

    def finish_taken(self) -> None:
        """What `get` has returned is done with, as far as anybody can know."""
        while self.taken:
            try:
                self.taken.pop().finished(RC.ACCEPTED)
            except IndexError:  # another thread was faster
                return


class Handles:
    """The table."""

    def __init__(self) -> None:
        self._handles: dict[int, Handle] = {}
        self._last = 0
        self._numbering = threading.Lock()

    def __len__(self) -> int:
        return len(self._handles)

    def __iter__(self) -> Iterator[Handle]:
        return iter(list(self._handles.values()))

    def add(self, handle: Handle) -> int:
        """Its number."""
        with self._numbering:
            self._last += 1
            number = self._last
            self._handles[number] = handle
        return number

    def find(self, number: int) -> Handle | None:
        """The handle; None if it is over.  Raises ValueError if it never was one, and TypeError."""
        self._check(number)
        return self._handles.get(number)

    def remove(self, number: int) -> Handle | None:
        """Take it out; only one caller gets it.  Raises as `find`."""
        self._check(number)
        return self._handles.pop(number, None)

    def discard(self, handle: Handle) -> None:
        """It is over."""
        for number, each in list(self._handles.items()):
            if each is handle:
                self._handles.pop(number, None)

    def clear(self) -> None:
        """In a forked child: all are over, and none of them is told."""
        self._handles.clear()
        self._numbering = threading.Lock()  # its holder may not exist here

    def _check(self, number: int) -> None:
        if not isinstance(number, int) or isinstance(number, bool):
            raise TypeError(f"{number!r} is no handle; give the number that acb() or init() gave")
        if not 0 < number <= self._last:
            raise ValueError(
                f"{number} never was a handle; give the number that acb() or init() gave"
            )
