"""systemd: is told when we are ready, reload, and stop, and for how long it must have patience.

No command comes from there but signals; so this only speaks, in the loop's thread.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lifetime import Lifetime, Phase, Timer
from lifetime.console.verbs import Function

if TYPE_CHECKING:
    from lifetime.console.hub import Console

log = logging.getLogger("lifetime.console")

#: Seconds between two messages while a stop is held, and for which each asks.
TICK = 1.0
EXTENSION = 5.0


class Systemd:
    """Tells the service manager, if there is one: NOTIFY_SOCKET in the environment.

    Source: sd_notify(3), "READY", "RELOADING", "STOPPING", "STATUS", "EXTEND_TIMEOUT_USEC" and
    "WATCHDOG".
    """

    in_waiter = False

    def __init__(self) -> None:
        self.address = os.environ.get("NOTIFY_SOCKET", "")
        self._life: Lifetime | None = None
        self._ends: list[Callable[[], object]] = []
        self._tick: Timer | None = None
        self._stopping = False  # it was told so

    def open(self, console: Console) -> None:
        """Say READY once the loop serves, and all the rest when it is time."""
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
            self.notify("READY=1", "STATUS=serving")
        interval = watchdog_interval(os.environ, os.getpid())
        if interval is not None:
            self._ends.append(life.call_every(interval, self.notify, "WATCHDOG=1").cancel)

    def notify(self, *lines: str) -> None:
        """Send one message; a manager that has gone is no reason to fail."""
        address = self.address
        if address.startswith("@"):  # an abstract name of Linux
            address = f"\0{address[1:]}"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode("utf-8", "replace"), address)
        except OSError as error:
            log.debug("the service manager does not listen: %s", error)

    def _reloading(self, function: Function) -> Function:
        def reload(argument: str) -> object:
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
            self.notify("READY=1", "STATUS=serving")
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
        status = "".join(c if c.isprintable() else "?" for c in f"{status}, {who}")
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


def watchdog_interval(environment: os._Environ[str] | dict[str, str], pid: int) -> float | None:
    """Seconds between two signs of life: half of what the manager allows; None: it wants none."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    whose = environment.get("WATCHDOG_PID", "") or str(pid)
    if not microseconds.isdigit() or int(microseconds) == 0 or whose != str(pid):
        return None
    return int(microseconds) / 2e6
