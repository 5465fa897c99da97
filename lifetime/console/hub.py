"""Console: where an operator's commands come in, and what becomes of them.

A stop is a request to the `Lifetime` before anybody's callback hears of it; a display is answered
in the waiter's thread; a modify goes to a verb of the server, or else to those who have a handle.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import lifetime as lifetime_module
from lifetime import Lifetime, Phase
from lifetime.console import threads
from lifetime.console.answers import Answer
from lifetime.console.commands import Command, Origin, Qedit
from lifetime.console.daemons import Unstartable
from lifetime.console.display import Section, as_json, as_text, checked, status
from lifetime.console.events import ECB, ShutdownToken, wait_any
from lifetime.console.forks import forget_after_fork
from lifetime.console.handles import KILLED, Callback, Delivery, Handle, Handles
from lifetime.console.protocol import (
    MAX_ANSWER,
    RC,
    NotUnderstood,
    Request,
    Verb,
    parse,
    printable,
    shown,
)
from lifetime.console.stopping import request_stop
from lifetime.console.timers import checked_parms
from lifetime.console.verbs import Function, Verbs
from lifetime.console.watchers import Watchers

log = logging.getLogger("lifetime.console")

#: Modify commands that may wait until they are taken, as in the original.
PENDING = 2

#: Seconds after which an operator is told that the callback has not come back.
CALLBACK_LIMIT = 10.0

#: Seconds for which a command that `get` has returned waits for a reply to its operator.
REPLY_LIMIT = 1.0

#: Seconds for which the end of a console waits for one of its threads.
CLOSE_LIMIT = 1.0

#: Characters of a message to the operator.
MESSAGE_LENGTH = 126

#: What a launcher says with the start, as the text behind START on z/OS.
START_DATA = "LIFETIME_START"


class Source(Protocol):
    """Where commands come from.

    in_waiter: whether it is closed in the waiter's thread, if there is one, or by whoever closes
        the console.
    """

    in_waiter: bool

    def open(self, console: Console) -> None:
        """Begin.  Called in the thread that opens it.  Raises OSError."""

    def close(self) -> None:
        """End, and remove what was made."""

    def forget(self) -> None:
        """In a forked child: close our copies of the descriptors, and remove nothing."""


class Console:
    """One server's ear for its operators.

    life: what a stop is asked of; by default the Lifetime of the process.
    name: of the server, as the operator knows it.
    fold: fold texts to upper case outside quotes, as z/OS does.
    pending: modify commands that may wait until they are taken; one more is answered busy.
    start: what the first callback is told with the verb Start; by default the environment's
        LIFETIME_START; without any there is none.
    token: posted when a stop is asked for, by whomever.
    """

    def __init__(
        self,
        life: Lifetime | None = None,
        *,
        name: str = "",
        fold: bool = False,
        pending: int = PENDING,
        start: str | None = None,
    ) -> None:
        self.life = lifetime_module.default() if life is None else life
        self.name = name
        self.fold = fold
        self.pending = pending
        self.start_data = os.environ.get(START_DATA) if start is None else start
        self.token = ShutdownToken()
        self.verbs = Verbs()
        self.began = self.life.clock()
        self._handles = Handles()
        self._sources: list[Source] = []
        self._sections: list[Callable[[], Section]] = []
        self._stop_callbacks: list[Callable[[], object]] = []
        self.watchers = Watchers()
        self.withdrawn = False  # by an operator: in phase 1, and no stop yet
        self._stop_told: Command | None = None  # what the handles have heard of it
        self.life.on_phase(self._phase_entered)
        forget_after_fork(self)
        _consoles.add(self)

    # What applications ask for

    def acb(self, callback: Callback, parms: Sequence[Any] = ()) -> int:
        """Call `callback((callback, parms), qedit)` for every command; returns a handle.

        In a thread of ours, one call at a time, in the order of arrival, each with a new
        dictionary.  After a Stop the handle is over; one that comes too late for it gets it at
        once.
        Raises TypeError at once for what cannot be called and for parms that are no list or tuple,
        Unstartable in a sub-interpreter.  When the interpreter is ending it is logged, and the
        handle is over.
        """
        if not callable(callback):
            raise TypeError(f"acb: the callback is {callback!r}; give something to call")
        handle = Handle(callback, checked_parms(parms, "acb"))
        return self._begin(handle)

    def init(self) -> int:
        """A handle for `get`.  Raises as `acb`."""
        return self._begin(Handle())

    def _begin(self, handle: Handle) -> int:
        number = self._handles.add(handle)
        try:
            threads.waiter.start()
            if handle.callback is not None:
                threads.commands.start()
        except Unstartable as error:
            self._handles.discard(handle)
            handle.end()
            if "sub-interpreter" in str(error):
                raise
            log.error("handle %d hears nothing: %s", number, error)
            return number
        if self.start_data is not None:
            command = Command("Start", self.start_data, Origin("start"), self._reply_to_nobody)
            self._offer(handle, Delivery(command, _nobody_hears))
        # Behind the adding: who tells of a stop says so first, and then looks who is there.
        if self._stop_told is not None:
            threads.waiter.call(self._late, handle)
        return number

    def cancel(self, number: int) -> int:
        """No further callback begins when this returns; 0, or 4 if it was over already.

        Waits at most a second for a callback in progress, unless it is called from a callback.
        Raises ValueError for a number that never was a handle.
        """
        handle = self._handles.remove(number)
        if handle is None:
            return int(RC.ALREADY)
        handle.end()
        if not (threads.commands.is_current or threads.waiter.is_current):
            handle.wait_until_idle()
        return int(RC.ACCEPTED)

    kill = cancel

    def get(self, number: int) -> Qedit:
        """Wait for a command; `{'rc': 8}` once the handle is over.

        What a signal handler raises meanwhile comes out, and the handle stays usable.
        Raises ValueError for a number that never was a handle, or one of `acb`.
        """
        handle = self._handles.find(number)
        if handle is None:
            return {"rc": KILLED}
        if handle.callback is not None:
            raise ValueError(f"handle {number} has a callback; get() is for those of init()")
        while True:
            delivery = handle.take()
            if delivery is not None:
                return self._taken(handle, delivery)
            wait_any([handle.ended, handle.arrived])
            if handle.ended.posted:
                return {"rc": KILLED}

    def _taken(self, handle: Handle, delivery: Delivery) -> Qedit:
        if delivery.command.verb == "Stop":
            self._handles.discard(handle)  # there is no command after a stop
            handle.end()
        else:
            # Nobody knows when the program is done with it: soon enough for the operator.
            threads.waiter.call_later(REPLY_LIMIT, handle.finish_taken)
        return delivery.command.as_qedit(self.fold)

    def events(self, number: int) -> list[ECB]:
        """What `get` waits for: posted when it would not wait.  Empty once the handle is over."""
        handle = self._handles.find(number)
        return [] if handle is None else [handle.ended, handle.arrived]

    def arrived(self, number: int) -> ECB:
        """Posted while a command waits for `get`; for `wait_any`.  Raises as `get`."""
        handle = self._handles.find(number)
        if handle is None:
            raise ValueError(f"handle {number} is over; ask for one with init()")
        if handle.callback is not None:
            raise ValueError(f"handle {number} has a callback; init() gives one to wait for")
        return handle.arrived

    def put(self, text: str, *, route: int = 2, desc: int = 0, limit: int = MESSAGE_LENGTH) -> None:
        """Tell the operator: one line for the log or standard error, and for who watches.

        route, desc: the original's; they say nothing here.
        limit: characters; the rest is cut off.
        """
        line = printable(str(text))[:limit]
        if log.isEnabledFor(logging.INFO) and log.hasHandlers():
            log.info("%s", line)
        elif sys.stderr is not None:
            with suppress(OSError, ValueError):
                print(line, file=sys.stderr, flush=True)
        self.watchers.tell(line)

    # What a server adds

    def on_modify(self, word: str, function: Function, help: str = "") -> Callable[[], None]:
        """Let `f WORD=ARGUMENT` call `function(argument)` in the loop's thread.

        What it returns, if it is text, goes to the operator; to refuse, it raises `Refusal`.
        Returns the way to end that.
        """
        return self.verbs.add(word, function, help)

    def on_display(self, section: Callable[[], Section]) -> Callable[[], None]:
        """Add what `section()` returns to every display.  Called in the waiter's thread.

        Returns the way to end that.
        """
        self._sections.append(section)
        return lambda: _discard(self._sections, section)

    def on_stop(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback()` in the runner's thread when every handle has heard of a stop.

        Returns the way to end that.
        """
        self._stop_callbacks.append(callback)
        return lambda: _discard(self._stop_callbacks, callback)

    def open(self, source: Source) -> None:
        """Listen there as well.  Raises OSError, Unstartable."""
        threads.waiter.start()
        source.open(self)
        self._sources.append(source)

    def close(self) -> None:
        """End every source and every handle."""
        sources, self._sources = self._sources, []
        if threads.waiter.is_running and not threads.waiter.is_current:
            theirs = [source for source in sources if source.in_waiter]
            for source in theirs:
                threads.waiter.call(source.close)
            if _reached(threads.waiter.call):
                sources = [source for source in sources if source not in theirs]
        for source in sources:
            try:
                source.close()
            except Exception:
                log.exception("%r does not close", source)
        # What has come in before that is still called back for.
        if len(self._handles) and threads.commands.is_running and not threads.commands.is_current:
            _reached(threads.commands.submit)
        for handle in self._handles:
            self._handles.discard(handle)
            handle.end()

    def forget(self) -> None:
        """In a forked child: the parent's sources and handles are not ours."""
        for source in self._sources:
            with suppress(OSError):
                source.forget()
        self._sources = []
        self.watchers.forget()
        self._handles.clear()
        self._stop_told = None
        self.token.reset()

    # What sources bring, in the waiter's thread

    def take_line(self, line: bytes, origin: Origin, answer: Answer) -> None:
        """A line of the protocol has come.  It is answered, whatever becomes of it."""
        try:
            self._take_line(line, origin, answer)
        except NotUnderstood as error:
            answer.give(RC.NOT_UNDERSTOOD, str(error))
        except BaseException as error:  # SystemExit too: what an application adds may raise it
            log.exception("the command %r failed", line)
            answer.give(RC.FAILED, f"the command failed: {type(error).__name__}: {error}")

    def _take_line(self, line: bytes, origin: Origin, answer: Answer) -> None:
        request = parse(line)
        if request.cart is not None or request.acts_for is not None:
            cart = origin.cart if request.cart is None else request.cart
            origin = Origin(
                origin.source, origin.user, origin.pid, origin.uid, origin.gid,
                request.acts_for, cart,
            )  # fmt: skip
        self.take(request, origin, answer)

    def take(self, request: Request, origin: Origin, answer: Answer) -> None:
        """A request has come."""
        if request.verb is Verb.STOP:
            stays = "wait" not in request.options or answer.stay is None or answer.stay()
            self.stop(origin, answer, force="force" in request.options, stays=stays)
        elif request.verb is Verb.MODIFY:
            self.modify(request.text, origin, answer)
        elif request.verb is Verb.DISPLAY:
            self.display("--json" in request.options, answer)
        else:
            self._watch(answer)

    def stop(
        self,
        origin: Origin,
        answer: Answer,
        force: bool = False,
        extra: Qedit | None = None,
        stays: bool = True,
    ) -> None:
        """A stop: first the request, then the callbacks.

        extra: what else the callbacks are to see; stays: whether the operator could be kept until
            the end, if that was asked for.
        """
        # The token too: the loop may not have come to the request before this one.
        stopping = self.life.phase is not Phase.RUNNING and not self.withdrawn
        already = stopping or self.token.posted
        # The token first: the loop may be quicker than we are, and would name no operator.
        self.token.request(f"stop by {origin.name} ({origin.source})")
        request_stop(self.life, force)
        log.info(
            "%s asks for a %sstop (%s)", origin.name, "forced " if force else "", origin.source
        )
        if not stays:
            answer.give(RC.BUSY, "stopping, but too many wait for the end; look with d")
        elif already:
            answer.give(RC.ALREADY, "stopping already; this counts as one more request")
        else:
            answer.give(RC.ACCEPTED, "stopping")
        self._tell_of_stop(origin, extra)

    def modify(
        self,
        text: str,
        origin: Origin,
        answer: Answer,
        refusable: bool = True,
        extra: Qedit | None = None,
    ) -> None:
        """A modify: for a verb of the server, or for those who have a handle.

        refusable: it may be answered busy; not if the system has given it up already.
        """
        found = self.verbs.find(text)
        if found is not None:
            log.info("%s asks for %s (%s)", origin.name, text, origin.source)
            self.verbs.call(*found, answer, self.life, threads.waiter)
            return
        handles = list(self._handles)
        if not handles:
            if self._stop_told is not None:
                answer.give(RC.ALREADY, "stopping; there is no command after a stop")
                return
            words = ", ".join(entry.word for entry in self.verbs)
            way_out = f"give one of {words}" if words else "this program takes no text"
            answer.give(RC.NOT_UNDERSTOOD, f"{shown(text)} is not understood; {way_out}")
            return
        if refusable and any(handle.modifies >= self.pending for handle in handles):
            answer.give(RC.BUSY, f"{self.pending} commands wait already; try again")
            return
        self.deliver("Modify", text, origin, answer, extra)
        if not answer.given:
            threads.waiter.call_later(
                CALLBACK_LIMIT, answer.give, RC.ACCEPTED, "the callback has not come back yet"
            )

    def display(self, json: bool, answer: Answer) -> None:
        """A display."""
        described = status(
            self.life, self.name, self.began, self._all_sections(), self.withdrawn
        )
        lines = as_json(described) if json else as_text(described)
        if json and len(lines[0]) > MAX_ANSWER:  # cut off, it would be no JSON any more
            answer.give(RC.FAILED, "the display is too long for JSON; ask without --json")
            return
        answer.give(RC.ACCEPTED, lines)

    def _all_sections(self) -> list[Section]:
        sections: list[Section] = []
        if self.token.posted:
            sections.append(
                {"stop_asked": {"reason": self.token.reason, "requests": self.token.requests}}
            )
        for section in list(self._sections):
            try:
                sections.append(checked(section()))
            except BaseException as error:  # one part that fails must not hide the others
                log.exception("a part of the display failed")
                sections.append({"error": f"{type(error).__name__}: {error}"})
        return sections

    def deliver(
        self, verb: str, text: str, origin: Origin, answer: Answer, extra: Qedit | None = None
    ) -> None:
        """Give a command to everybody who has a handle."""
        handles = list(self._handles)
        command = Command(verb, text, origin, answer.say, extra or {})
        delivery = Delivery(command, answer.give)
        for handle in handles:
            self._offer(handle, delivery)
        delivery.expect(len(handles))

    def _offer(self, handle: Handle, delivery: Delivery) -> None:
        handle.offer(delivery)
        if handle.callback is not None:
            threads.commands.submit(partial(handle.step, self.fold, self.left))

    def left(self, leaving: SystemExit) -> None:
        """A callback has raised SystemExit: it means the whole program."""
        code = leaving.code if isinstance(leaving.code, int) else 0 if not leaving.code else 1
        self.token.request("a callback has left by SystemExit")
        self.life.shutdown(code)

    def _reply_to_nobody(self, text: str) -> object:
        return False

    # Stops that come from elsewhere

    def _phase_entered(self, phase: Phase) -> None:
        """The Lifetime has entered a phase, whoever asked for it.  In the loop's thread."""
        if phase is Phase.RUNNING:
            self.token.reset()
            # In the waiter's thread, behind what it has still to tell of the stop.
            threads.waiter.call(self._taken_back)
        elif not (self.withdrawn and phase is Phase.WITHDRAWING):
            self.stop_has_begun()

    def stop_has_begun(self) -> None:
        """Let everybody hear of it, once.  In the loop's thread."""
        if not self.token.posted:
            self.token.request("a stop was asked of the Lifetime")
        if self._stop_told is None and threads.waiter.is_running:
            threads.waiter.call(self._tell_of_stop, Origin("program"))

    def _taken_back(self) -> None:
        """Commands are heard again, by those who ask for a handle from now on."""
        self._stop_told = None

    def _tell_of_stop(self, origin: Origin, extra: Qedit | None = None) -> None:
        """Let every handle hear of it, once; it is over when it has."""
        if self._stop_told is not None:
            return
        self._stop_told = Command("Stop", " ", origin, self._reply_to_nobody, extra or {})
        for handle in self._handles:
            self._tell_one(handle, self._stop_told)
        for callback in list(self._stop_callbacks):
            threads.commands.submit(callback)

    def _tell_one(self, handle: Handle, stop: Command) -> None:
        handle.told = True
        self._offer(handle, Delivery(stop, _nobody_hears))
        if handle.callback is not None:
            threads.commands.submit(partial(self._retire, handle))

    def _late(self, handle: Handle) -> None:
        """A handle was asked for; the stop may have been before that."""
        if self._stop_told is not None and not handle.told and handle.live:
            self._tell_one(handle, self._stop_told)

    def _retire(self, handle: Handle) -> None:
        self._handles.discard(handle)
        handle.end()

    def _watch(self, answer: Answer) -> None:
        if answer.watcher is None:
            answer.give(RC.FAILED, "nobody can watch from there; use the socket")
        elif self.watchers.add(answer.watcher):
            answer.give(RC.ACCEPTED, f"watching {self.name or 'the server'}")
        else:
            answer.give(RC.BUSY, f"{len(self.watchers)} watch already; try again later")


def _nobody_hears(rc: int, text: str) -> None:
    """What becomes of a command that nobody waits for."""


def _reached(call: Callable[[Callable[[], object]], object]) -> bool:
    """Whether a thread has done, in time, what it was asked before."""
    done = ECB()
    call(done.post)
    return bool(wait_any([done], CLOSE_LIMIT))


def _discard(callbacks: list[Any], callback: Any) -> None:
    if callback in callbacks:
        callbacks.remove(callback)


_consoles: weakref.WeakSet[Console] = weakref.WeakSet()


def _at_exit() -> None:
    """Nothing is left to be cancelled by hand: neither a thread nor a file."""
    threads.ending = True
    for console in list(_consoles):
        console.close()
    threads.close()


atexit.register(_at_exit)
