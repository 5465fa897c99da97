"""The events of a Windows console: closed, logged off, shut down.

Not run on Windows yet: the tests use a double of what is called there.  Ctrl-C and Ctrl-Break come
as SIGINT and SIGBREAK too, so here they are passed on and not counted.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

#: What the system calls the events, by number; and seconds after which it ends the process.
CLOSE, LOGOFF, SHUTDOWN = 2, 5, 6
EVENTS = {
    CLOSE: ("the console was closed", 5.0),
    LOGOFF: ("the user logs off", 20.0),
    SHUTDOWN: ("the system shuts down", 20.0),
}

#: Seconds before that limit in which the handler gives up.
MARGIN = 0.5


class WindowsConsole(Protocol):
    """What we need of the system."""

    def set_handler(self, handler: Callable[[int], bool]) -> None:
        """Call `handler(event)` in a thread of the system's; True means that it was handled."""

    def remove_handler(self) -> None:
        """Call it no more."""


class ConsoleEvents:
    """Makes requests of console events.

    note: called with a reason, and whether it is a log-off; False: the event is to be ignored.
    """

    def __init__(self, system: WindowsConsole, note: Callable[[str, bool], bool]) -> None:
        self._system = system
        self._note = note
        self._over = threading.Event()

    def install(self) -> None:
        """From now on."""
        self._system.set_handler(self.handle)

    def remove(self) -> None:
        """No longer; a handler that waits returns."""
        self._system.remove_handler()
        self._over.set()

    def handle(self, event: int) -> bool:
        """In a thread of the system's: note the event, and keep that thread.

        The system ends the process as soon as this returns, so it waits for the process's own end
        for as long as the system will.
        """
        if event not in EVENTS:
            return False
        reason, limit = EVENTS[event]
        if self._note(reason, event == LOGOFF):
            self._over.wait(limit - MARGIN)
        return True


class Kernel32:
    """The real system."""

    def __init__(self, kernel32: Any, function_type: Any) -> None:
        self._kernel32 = kernel32
        self._function_type = function_type
        self._function: Any = None  # the system keeps its address only, so we keep it alive

    def set_handler(self, handler: Callable[[int], bool]) -> None:
        """See `WindowsConsole`."""
        self._function = self._function_type(handler)
        if not self._kernel32.SetConsoleCtrlHandler(self._function, True):
            self._function = None

    def remove_handler(self) -> None:
        """See `WindowsConsole`."""
        if self._function is not None:
            self._kernel32.SetConsoleCtrlHandler(self._function, False)
            self._function = None


def windows_console() -> WindowsConsole | None:
    """The system's console on Windows, None elsewhere."""
    if sys.platform != "win32":
        return None
    return Kernel32(
        ctypes.windll.kernel32, ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)
    )
