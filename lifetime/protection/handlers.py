"""Our signal handlers: installed, noticed when somebody replaces them, and taken back.

Beside those for requests there is one for POKE, the signal with which the watcher's thread ends a
system call of the main thread; and `threading.excepthook`, which would print the traceback of a
thread that is to end.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from lifetime.protection.requests import HaltProtectedBlockException, ShutdownImminentException
from lifetime.signals import Signals

log = logging.getLogger("lifetime")

Handler = Callable[[int, FrameType | None], object]
ThreadHook = Callable[[threading.ExceptHookArgs], object]

#: What is taken for a request, as far as the system has it.
REQUESTS = [
    int(getattr(signal, name))
    for name in ("SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]
HUP = int(getattr(signal, "SIGHUP", 0))

#: Nobody is harmed by one too many: it is ignored by default.  Windows has only signals that a
#: program raises in itself, and of those SIGINT is the one that ends a sleep.
POKE = int(getattr(signal, "SIGURG", signal.SIGINT))


class Handlers:
    """The handlers that we have installed, and what was there before.

    on_request, on_poke: called with the signal's number and the frame that it has interrupted.
    """

    def __init__(self, on_request: Handler, on_poke: Handler) -> None:
        self._ours = {number: on_request for number in REQUESTS}
        self._ours.setdefault(POKE, on_poke)
        self._old: dict[int, Handler | int | None] = {}
        self._old_thread_hook: ThreadHook | None = None
        self.replaced: set[int] = set()  # what somebody has taken from us

    @property
    def complete(self) -> bool:
        """Whether there is one for requests; an ignored SIGHUP is left alone."""
        return signal.SIGTERM in self._old

    @property
    def can_poke(self) -> bool:
        """Whether the one for POKE is there."""
        return POKE in self._old

    def install(self, requests: bool) -> None:
        """Install those that are missing; for POKE alone if others handle the requests.

        Raises ValueError in a sub-interpreter, which cannot handle signals.
        """
        for number, handler in self._ours.items():
            if number in self._old or not (requests or number == POKE):
                continue
            old = signal.getsignal(number)
            if number == HUP and old is signal.SIG_IGN:
                continue  # started by nohup, which wants just this
            # First the note, then the deed: interrupted in between, it is put back to what it is.
            self._old[number] = old
            try:
                signal.signal(number, handler)
            except ValueError as error:
                del self._old[number]
                raise ValueError(
                    "signal handlers can be installed in the main thread of the main interpreter "
                    "only; protect blocks there"
                ) from error
        if self._old_thread_hook is None:
            self._old_thread_hook = threading.excepthook
            threading.excepthook = self._end_of_thread

    def _end_of_thread(self, args: threading.ExceptHookArgs) -> None:
        """The hook says nothing of a SystemExit; but it says so of what we derive from that."""
        if not issubclass(args.exc_type, (ShutdownImminentException, HaltProtectedBlockException)):
            (self._old_thread_hook or threading.__excepthook__)(args)

    def notice_replaced(self) -> None:
        """Say in the log, once, whose place somebody has taken."""
        for number in list(self._old):
            handler = signal.getsignal(number)
            if handler == self._ours[number] or number in self.replaced:
                continue
            if isinstance(getattr(handler, "__self__", None), Signals):
                continue  # a Lifetime begins or ends its run, and gives them back
            self.replaced.add(number)
            log.warning(
                "%s is no longer handled by protected blocks, for somebody has installed %r; "
                "configure_shutdown_manager() takes it back",
                signal.Signals(number).name,
                handler,
            )

    def forget_replaced(self) -> None:
        """The next `install` takes back what somebody has taken from us."""
        self.notice_replaced()
        for number in self.replaced:
            self._old.pop(number, None)
        self.replaced.clear()

    def restore(self) -> None:
        """Put back what was there, where ours is still in place."""
        for number, old in list(self._old.items()):
            if signal.getsignal(number) == self._ours[number]:
                # None: installed by something that is not Python, and not to be had back from here.
                signal.signal(number, signal.SIG_DFL if old is None else old)
            self._old.pop(number, None)
        self.replaced.clear()
        if self._old_thread_hook is not None and threading.excepthook == self._end_of_thread:
            threading.excepthook = self._old_thread_hook
        self._old_thread_hook = None

    def pass_on(self, number: int, frame: FrameType | None) -> None:
        """A signal that was meant for whoever was there before."""
        old = self._old.get(number)
        if callable(old):
            old(number, frame)
