"""The functions of the original, on a console of the process.

The extension's own `put`, `console2` and `taskinfo` are used where they exist.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from lifetime.console import threads, zconsole
from lifetime.console.commands import NAME_LENGTH, Qedit
from lifetime.console.events import ECB
from lifetime.console.handles import Callback
from lifetime.console.hub import MESSAGE_LENGTH, Console

_default = Console()
threads.timed.left = _default.left
_extension_is_open = False


def default() -> Console:
    """The console on which the functions of this module work."""
    return _default


def acb(callback: Callback, parms: Sequence[Any] = ()) -> int:
    """Call `callback((callback, parms), qedit)` for every command.  See `Console.acb`."""
    handle = _default.acb(callback, parms)
    _use_extension()
    return handle


def cancel(handle: int) -> int:
    """No further callback begins.  See `Console.cancel`."""
    return _default.cancel(handle)


def init() -> int:
    """A handle for `get`.  See `Console.init`."""
    handle = _default.init()
    _use_extension()
    return handle


def get(handle: int) -> Qedit:
    """Wait for a command.  See `Console.get`."""
    return _default.get(handle)


def kill(handle: int) -> int:
    """End a handle of `init`; its `get` returns `{'rc': 8}`.  See `Console.cancel`."""
    return _default.cancel(handle)


def arrived(handle: int) -> ECB:
    """Posted while a command waits for `get`.  See `Console.arrived`."""
    return _default.arrived(handle)


def _use_extension() -> None:
    """On z/OS the system's commands come in with the first handle, as they always have."""
    global _extension_is_open
    if zconsole.extension is not None and not _extension_is_open:
        _extension_is_open = True
        _default.open(zconsole.ExtensionSource(zconsole.extension))


def put(
    text: str,
    *,
    route: int = 2,
    desc: int = 0,
    token: int | None = None,
    msgid: int | None = None,
    domtoken: int | None = None,
    limit: int = MESSAGE_LENGTH,
) -> tuple[int]:
    """Tell the operator; returns `(0,)`.  See `Console.put`.

    limit: characters; the rest is cut off.  The other arguments mean something on z/OS only.
    """
    if zconsole.has("put"):
        given = {"token": token, "msgid": msgid, "domtoken": domtoken}
        chosen = {name: value for name, value in given.items() if value is not None}
        answer: tuple[int] = zconsole.extension.put(text[:limit], route=route, desc=desc, **chosen)
        return answer
    _default.put(text, route=route, desc=desc, limit=limit)
    return (0,)


def console2(text: str) -> tuple[int]:
    """Tell the operator the C library's way; returns `(0,)`."""
    if zconsole.has("console2"):
        answer: tuple[int] = zconsole.extension.console2(text)
        return answer
    return put(text)


def taskinfo() -> dict[str, Any]:
    """Who we are.

    jobname: of the console, or of the program, 8 characters padded with blanks; ascb, tcb: process
    and thread as hexadecimal strings; tcbttime: processor time of this thread in microseconds;
    pid, tid: the same two as numbers.
    """
    if zconsole.has("taskinfo"):
        info: dict[str, Any] = dict(zconsole.extension.taskinfo())
        return info
    name = _default.name or os.path.basename(sys.argv[0] if sys.argv else "")
    pid, tid = os.getpid(), threading.get_native_id()
    return {
        "jobname": name[:NAME_LENGTH].ljust(NAME_LENGTH),
        "ascb": f"{pid:08X}",
        "tcb": f"{tid:08X}",
        "tcbttime": time.thread_time_ns() // 1000,
        "pid": pid,
        "tid": tid,
    }


class console:
    """The original's wrapper, with what it has begun cancelled at the end of a `with` block.

    At the end of the program everything is cancelled in any case.
    """

    def __init__(self) -> None:
        self._handles: list[int] = []

    def put(self, text: str, *, route: int = 2, desc: int = 0) -> tuple[int]:
        """Tell the operator.  See `put`."""
        return put(text, route=route, desc=desc)

    def console2(self, text: str) -> tuple[int]:
        """Tell the operator the C library's way."""
        return console2(text)

    def cb(self, callback: Callback, parms: Sequence[Any] = ()) -> int:
        """Call back for every command; returns the handle.  See `acb`."""
        handle = acb(callback, parms)
        self._handles.append(handle)
        return handle

    def cleanup(self, handle: int | None = None) -> None:
        """Cancel one handle, or without one all that `cb` has given."""
        for number in list(self._handles) if handle is None else [handle]:
            if number in self._handles:
                self._handles.remove(number)
            cancel(number)

    def __enter__(self) -> console:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cleanup()
