"""asyncore as medusa's programs know it; its loop is that of `lifetime`.

Every name is the standard library's (pyasyncore's from Python 3.12 on) but for `loop` and `poll`:
these serve the same map, event-driven where they may, and end with an orderly shutdown when
`Lifetime.shutdown` was called.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import weakref
from typing import Any

import lifetime as lifetime_module
from lifetime import Lifetime, Phase
from lifetime.asyncore import ExitNow, dispatcher, socket_map
from lifetime.poller import SocketMap
from lifetime.signals import Signals

__all__ = [
    "ExitNow",
    "close_all",
    "compact_traceback",
    "dispatcher",
    "dispatcher_with_send",
    "file_dispatcher",
    "file_wrapper",
    "loop",
    "poll",
    "poll2",
    "poll3",
    "read",
    "readwrite",
    "socket_map",
    "write",
]

_original: Any = sys.modules[dispatcher.__module__]

close_all = _original.close_all
compact_traceback = _original.compact_traceback
dispatcher_with_send = _original.dispatcher_with_send
file_dispatcher = getattr(_original, "file_dispatcher", None)
file_wrapper = getattr(_original, "file_wrapper", None)
read, write, readwrite = _original.read, _original.write, _original.readwrite

#: Whether `loop` takes over signals that nobody else wants; `servers.legacy` says so.
stops_by_signal = False


def __getattr__(name: str) -> Any:
    """Whatever else the original has."""
    return getattr(_original, name)


def loop(
    timeout: float = 30.0,
    use_poll: object = False,
    map: SocketMap | None = None,
    count: int | None = None,
) -> None:
    """Serve until the map is empty, a shutdown has come to its end, or `count` turns are over.

    timeout: seconds; everybody whose `readable()` is its own is asked at least so often.
    Raises KeyboardInterrupt behind an orderly stop that control-C has asked for, and SystemExit
    when it is called again behind a stop by a signal, see `_Departure`.
    """
    served = _lifetime_of(map)
    if count is not None:
        while count > 0 and served.map:
            _turn(served, timeout)
            count -= 1
        return
    if served is lifetime_module.default():
        let_go()
    turns = served.call_every(max(timeout, 0.001), _nothing)
    try:
        if _may_take_signals():
            _departure.insist(served.map)
            with served.running(), _OldSignals(served) as signals:
                served.loop()
            if signals.number and served.phase is Phase.TERMINATED:
                _departure.note(signals.number, served.report.exit_status)
            if signals.number == signal.SIGINT:
                raise KeyboardInterrupt
        else:
            with served.running(), WokenBySignals(served):
                served.loop()
    finally:
        turns.cancel()


def poll(timeout: float = 0.0, map: SocketMap | None = None) -> None:
    """One turn: wait at most `timeout` seconds, and handle what came."""
    _turn(_lifetime_of(map), timeout)


poll2 = poll3 = poll


def _lifetime_of(map: SocketMap | None) -> Lifetime:
    if map is None or map is socket_map:
        return lifetime_module.default()
    return Lifetime(map)


class _Opened:
    """What a loop needs, kept open from one `poll` of a thread to its next.

    A thread-local one: it ends with its thread, and then another may run the loop.
    """

    def __init__(self, served: Lifetime) -> None:
        self.thread = threading.get_ident()
        self.busy = False
        self._context = served.running()
        self._context.__enter__()

    def turn(self, served: Lifetime, timeout: float) -> None:
        """One turn of the loop."""
        if self.busy:  # a handler polls
            served.turn(timeout)
            return
        self.busy = True
        try:
            with WokenBySignals(served):
                served.turn(timeout)
        finally:
            self.busy = False

    def close(self) -> None:
        """Give everything back."""
        self._context.__exit__(None, None, None)


class _Local(threading.local):
    opened: _Opened | None = None


_local = _Local()
_last: weakref.ref[_Opened] | None = None


def _turn(served: Lifetime, timeout: float) -> None:
    if served is not lifetime_module.default():
        with served.running(), WokenBySignals(served):
            served.turn(timeout)
        return
    opened = _local.opened
    if opened is None or served.thread != opened.thread or served.phase is Phase.TERMINATED:
        opened = _open(served)  # behind a finished shutdown everything begins anew
    opened.turn(served, timeout)


def _open(served: Lifetime) -> _Opened:
    global _last
    let_go()
    opened = _local.opened = _Opened(served)
    _last = weakref.ref(opened)
    return opened


def let_go() -> None:
    """Let another thread have the loop, if the one that polled last is not in the middle of it."""
    last = None if _last is None else _last()
    if last is not None and not last.busy and lifetime_module.default().thread == last.thread:
        last.close()


atexit.register(let_go)


def _nothing() -> None:
    """A turn of the loop is all that is wanted."""


class WokenBySignals:
    """While the block lasts, a signal that the program has a handler for ends the poll.

    So it did up to Python 3.4.  Since then a poll is taken up again behind the handler (PEP 475),
    and one that closes everything, or clears the flag of a loop, is noticed half a minute later.
    Outside the main thread, or if somebody else is woken already, nothing is done.
    """

    def __init__(self, served: Lifetime) -> None:
        self._wakeup_fd = served.trigger.wakeup_fd
        self._is_ours = False

    def __enter__(self) -> WokenBySignals:
        if threading.current_thread() is threading.main_thread():
            before = signal.set_wakeup_fd(self._wakeup_fd, warn_on_full_buffer=False)
            self._is_ours = before == -1
            if not self._is_ours:
                signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._is_ours:
            now = signal.set_wakeup_fd(-1)
            if now != self._wakeup_fd:  # a handler of theirs has put it to another use
                signal.set_wakeup_fd(now)


class _OldSignals(Signals):
    """Takes over only what would have ended the process, and remembers what ended the loop.

    number: the first signal that has asked for a stop; 0 if none has.  Behind control-C old
        programs wait for a KeyboardInterrupt: they save what they have there, or leave a
        `while 1` around the loop.
    """

    number = 0

    def __enter__(self) -> _OldSignals:
        super().__enter__()
        for number, old in list(self._old.items()):
            # A handler of the program's own, or of the shell's that started it in the background.
            if old not in (signal.SIG_DFL, signal.default_int_handler, None):
                signal.signal(number, self._old.pop(number))
        return self

    def _stop(self, number: int, exit_code: int) -> None:
        self.number = self.number or number
        super()._stop(number, exit_code)


class _Departure:
    """A process that a signal has stopped is to end, also if its program never asks why.

    Such a signal would have ended the process at once, and so old programs have a `while 1` around
    the loop.  Behind the stop this would find an empty map for ever, or open new listeners.
    """

    def __init__(self) -> None:
        self.status: int | None = None  # what the process is to end with
        self.refused = False  # the program has caught what was to end it

    def note(self, number: int, status: int) -> None:
        """A stop by this signal is over; the program is done with what stands behind the loop."""
        self.status = status or (128 + number if number == signal.SIGINT else 0)

    def insist(self, map: SocketMap) -> None:
        """Raise SystemExit if there was such a stop; the second time the process is killed.

        Who only finishes something, over connections of its own, may go on.
        """
        serves = any(getattr(each, "accepting", False) for each in list(map.values()))
        if self.status is None or (map and not serves):
            return
        if self.refused:
            os.kill(os.getpid(), signal.SIGTERM)
        self.refused = True
        raise SystemExit(self.status)


_departure = _Departure()


def _may_take_signals() -> bool:
    return (
        stops_by_signal
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        and signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN)
    )
