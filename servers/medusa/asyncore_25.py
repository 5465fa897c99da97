"""asyncore as medusa's programs know it; its loop is that of `lifetime`.

Every name is the standard library's (pyasyncore's from Python 3.12 on) but for `loop` and `poll`:
these serve the same map, event-driven where they may, and end with an orderly shutdown when
`Lifetime.shutdown` was called.
"""

from __future__ import annotations

import atexit
import signal
import sys
import threading
import weakref
from types import FrameType
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
    Raises KeyboardInterrupt behind an orderly stop that control-C has asked for.
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
            with served.running(), _OldSignals(served) as signals:
                served.loop()
            if signals.interrupted:
                raise KeyboardInterrupt
        else:
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
        served.poll(timeout)
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


class _OldSignals(Signals):
    """Remembers control-C, behind which old programs wait for a KeyboardInterrupt.

    They save what they have there, or leave a `while 1` around the loop.
    """

    interrupted = False

    def __enter__(self) -> _OldSignals:
        super().__enter__()
        return self

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = self.interrupted or number == signal.SIGINT
        super()._on_stop(number, frame)


def _may_take_signals() -> bool:
    return (
        stops_by_signal
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
