"""The real extension of z/OS, where it can be imported: fenced, and used as one more source.

Not run on z/OS: tested with a double of the extension.

Whichever of its functions exist are used.  What it must not be trusted with is kept from it: our
own function catches what a callback raises, for the extension ends its thread silently; its handle
is an address that it would dereference, so nobody gets it and none is given twice.
"""

from __future__ import annotations

import logging
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lifetime.console import threads
from lifetime.console.answers import unanswered
from lifetime.console.commands import Origin, Qedit
from lifetime.console.daemons import join, start_daemon

if TYPE_CHECKING:
    from lifetime.console.hub import Console

try:
    _zconsole: Any = import_module("zconsole")
except ImportError:
    _zconsole = None

log = logging.getLogger("lifetime.console")

#: The extension of this system, or None.
extension: Any = _zconsole

#: What `get` of the extension returns when it was killed.
KILLED = 8

_OURS = frozenset({"rc", "verb", "data", "console", "cart"})


def has(*names: str) -> bool:
    """Whether there is an extension with all these functions."""
    return all(callable(getattr(extension, name, None)) for name in names)


class ExtensionSource:
    """The commands that z/OS chains to this job.

    By `acb` and `cancel` of the extension, or else by `init`, `get` and `kill`.
    `open` raises OSError if it has neither.
    """

    in_waiter = False

    def __init__(self, extension: Any) -> None:
        self.extension = extension
        self._console: Console | None = None
        self._handle: Any = None
        self._over = False  # a stop has come, and with it the end of its thread and its handle
        self._thread: threading.Thread | None = None

    def open(self, console: Console) -> None:
        """Listen from now on; a Start may come at once."""
        self._console = console
        extension = self.extension
        if callable(getattr(extension, "acb", None)):
            self._handle = extension.acb(self._called, [])
        elif all(callable(getattr(extension, name, None)) for name in ("init", "get", "kill")):
            self._handle = extension.init()
            self._thread = start_daemon(self._get, "console-get")
        else:
            raise OSError("the extension zconsole has neither acb() nor init(), get() and kill()")

    def _called(self, args: Any, qedit: Qedit) -> None:
        """In the extension's thread.  It raises nothing."""
        try:
            threads.waiter.call(self._take, dict(qedit))
        except BaseException:
            log.exception("a command of the extension is lost")

    def _get(self) -> None:
        try:
            while not self._over:
                qedit = self.extension.get(self._handle)
                if qedit.get("rc") == KILLED:
                    return
                self._over = qedit.get("verb") == "Stop"
                self._called((), qedit)
        except Exception:
            log.exception("the extension's get() has failed; no command comes from it any more")

    def _take(self, qedit: Qedit) -> None:
        """In the waiter's thread."""
        console = self._console
        if console is None:
            return
        verb, data = str(qedit.get("verb", "UNKNOWN")), str(qedit.get("data", ""))
        cart = qedit.get("cart")
        origin = Origin(
            "zconsole",
            str(qedit.get("console", "")).rstrip(),
            cart=cart if isinstance(cart, bytes) else bytes(8),
        )
        extra = {key: value for key, value in qedit.items() if key not in _OURS}
        if verb == "Stop":
            self._over = True
            console.stop(origin, unanswered(), extra=extra)
        elif verb == "Modify":
            console.modify(data, origin, unanswered(), refusable=False, extra=extra)
        else:
            console.deliver(verb, data, origin, unanswered(), extra=extra)

    def close(self) -> None:
        """Cancel it, once, or the job would end abnormally."""
        self._console = None
        handle, self._handle = self._handle, None
        if handle is None or self._over:
            return
        end = "cancel" if self._thread is None else "kill"
        try:
            getattr(self.extension, end)(handle)
        except Exception:
            log.exception("the extension's %s() has failed", end)
        join(self._thread)

    def forget(self) -> None:
        """In a forked child: the job's console is the parent's."""
        self._console = None
        self._handle = None
