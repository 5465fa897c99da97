"""systemd: is told when we are ready, reload, and stop, and for how long it must have patience.

No command comes from there but signals; so this only speaks, in the loop's thread.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lifetime import Lifetime, Phase, Timer
from lifetime.console.verbs import Function

if TYPE_CHECKING:
    from lifetime.console.hub import Console

log = logging.getLogger("lifetime.console")

#: Seconds between two messages while a stop is held, and for which each asks.
TICK = 1.0
EXTENSION = 5.0

#: Seconds until READY is said again to a manager that had no room for it.
AGAIN = 0.1

#: Bytes of a Unix socket's name that the system takes: `sun_path` of Linux is 108 with its end.
MAX_NAME = 107

#: Seconds between two signs of life, at least.
SHORTEST = 0.01

#: Microseconds that stand for ever.
INFINITE_USEC = 2**64 - 1

#: Characters of a status; systemd leaves a message unread that has more than 4096 bytes.
MAX_STATUS = 500

#: When all is well.
SERVING = ("READY=1", "STATUS=serving")


class Systemd:
    """Tells the service manager, if there is one: NOTIFY_SOCKET in the environment.

    new_main: whether we have taken the place of the process that the manager has started; it is
        told so, and believes us if the unit says NotifyAccess=all.
    Source: sd_notify(3), "READY", "RELOADING", "STOPPING", "STATUS", "EXTEND_TIMEOUT_USEC" and
    "WATCHDOG".
    """

    in_waiter = False

    def __init__(self, new_main: bool = False) -> None:
        self.address = ""  # "" for nobody
        self.new_main = new_main
        self._elsewhere = False  # another process speaks for the service
        self._failed = False  # and it was said
        self._life: Lifetime | None = None
        self._ends: list[Callable[[], object]] = []
        self._tick: Timer | None = None
        self._stopping = False  # it was told so

    def open(self, console: Console) -> None:
        """Say READY once the loop serves, and all the rest when it is time."""
        try:
            self.address = notify_address(os.environ.get("NOTIFY_SOCKET", ""))
        except ValueError as error:
            log.warning("%s", error)
        if not self.address:
            return
        life = self._life = console.life
        self._ends.append(life.on_phase(self._phase_entered))
        life.call_soon_threadsafe(self._begin)
        reload = console.verbs.find("reload")
        if reload is not None:
            entry, _ = reload
            self._ends.append(
                console.on_modify("reload", self._reloading(entry.function), entry.help)
            )

    def _begin(self) -> None:
        """The loop serves."""
        life = self._life
        if life is None:
            return
        if life.phase is Phase.RUNNING:
            self.notify(*self._main_process(), *SERVING)
        interval = watchdog_interval(os.environ, os.getpid())
        if interval is not None:
            self._ends.append(life.call_every(interval, self._send, "WATCHDOG=1").cancel)

    def _main_process(self) -> list[str]:
        return [f"MAINPID={os.getpid()}"] if self.new_main else []

    def handed_over(self, elsewhere: bool) -> None:
        """Another process serves in our place and speaks for the service; or it has died."""
        if elsewhere:
            # No STOPPING from us: if both are of one unit, it would be the other's end.
            self.notify("STATUS=another process serves in our place")
            self._elsewhere = True
            return
        self._elsewhere = False
        self.new_main = True  # the other one may have said the same of itself
        if self._life is not None and self._life.phase is Phase.RUNNING:
            self.notify(*self._main_process(), *SERVING)

    def notify(self, *lines: str) -> None:
        """Send one message, if somebody listens and no other process speaks for the service."""
        if self.address and not self._elsewhere:
            self._send(*lines)

    def _send(self, *lines: str) -> None:
        """A manager that has gone is no reason to fail."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode("utf-8", "replace"), self.address)
        except BlockingIOError:
            # Whatever else is lost is soon said anew; but a start waits for READY, and fails.
            if "READY=1" in lines and self._life is not None:
                self._ends.append(self._life.call_later(AGAIN, self._say_again, lines).cancel)
        except OSError as error:
            level = logging.DEBUG if self._failed else logging.WARNING
            self._failed = True
            shown = self.address.replace("\0", "@", 1)
            log.log(level, "the service manager does not hear us at %r: %s", shown, error.strerror)

    def _say_again(self, lines: tuple[str, ...]) -> None:
        if self._life is not None and self._life.phase is Phase.RUNNING:
            self.notify(*lines)

    def _reloading(self, function: Function) -> Function:
        def reload(argument: str) -> object:
            if self._stopping:  # READY would not be true any more
                return function(argument)
            # In microseconds of the monotonic clock, so that the manager knows which READY is
            # the answer.
            self.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            try:
                return function(argument)
            finally:
                self.notify("READY=1")

        return reload

    def _phase_entered(self, phase: Phase) -> None:
        life = self._life
        if life is None:
            return
        if phase is Phase.RUNNING:
            self._end_ticks()
            self.notify(*SERVING)
            return
        if phase is Phase.TERMINATED:
            self._end_ticks()
            return
        # Not in phase 1, which may be taken back: behind STOPPING the manager knows no way back,
        # and kills what has not ended in time.
        news = ["STOPPING=1"] if phase > Phase.WITHDRAWING and not self._stopping else []
        self._stopping = self._stopping or bool(news)
        self.notify(*news, *self._state(life))
        if self._tick is None:
            self._tick = life.call_every(TICK, self._tell_again)

    def _tell_again(self) -> None:
        if self._life is not None:
            self.notify(*self._state(self._life))

    def _state(self, life: Lifetime) -> list[str]:
        vetoes = life.vetoes
        status = f"STATUS=phase {int(life.phase)} {life.phase.name.lower()}"
        if not vetoes:
            return [status]
        oldest = min(vetoes, key=lambda held: held.since)
        who = f"{len(vetoes)} left, the longest {oldest.owner}: {oldest.reason}"
        status = "".join(c if c.isprintable() else "?" for c in f"{status}, {who}"[:MAX_STATUS])
        # So that it does not kill us while somebody is waited for; our own patience is the bound.
        return [status, f"EXTEND_TIMEOUT_USEC={EXTENSION * 1e6:.0f}"]

    def _end_ticks(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None

    def close(self) -> None:
        """Say no more."""
        self._end_ticks()
        for end in self._ends:
            end()
        self._ends.clear()
        self._life = None

    def forget(self) -> None:
        """In a forked child: the service is the parent."""
        self.address = ""


def notify_address(text: str) -> str:
    """Where a manager listens, as a socket's address; "" if there is none.

    text: NOTIFY_SOCKET, a path or, with an @ in front, an abstract name of Linux.
    Raises ValueError with a sentence for what is neither: vsock: is for whole machines.
    Source: sd_notify(3), "NOTIFY_SOCKET".
    """
    if not text:
        return ""
    name = os.fsencode(text[1:] if text.startswith("@") else text)
    if text[0] not in "/@" or not 0 < len(name) <= MAX_NAME or b"\0" in name:
        shown = text if len(text) <= 50 else f"{text[:47]}..."
        raise ValueError(
            f"NOTIFY_SOCKET is {shown!r}, and should be a path from / on, or an abstract name"
            f" behind an @, of at most {MAX_NAME} bytes; as it is, no service manager hears us"
        )
    return f"\0{text[1:]}" if text.startswith("@") else text


def watchdog_interval(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two signs of life: half of what the manager allows; None: it wants none.

    Never less than `SHORTEST`, whatever it wants: we have others to serve.
    Source: sd_watchdog_enabled(3).
    """
    text = environment.get("WATCHDOG_USEC", "")
    whose = environment.get("WATCHDOG_PID", "") or str(pid)
    if re.fullmatch("[0-9]{1,20}", text) is None or whose != str(pid):
        return None
    microseconds = int(text)
    if not 0 < microseconds < INFINITE_USEC:
        return None
    return max(microseconds / 2e6, SHORTEST)
