"""Handlers for a server that is not ready before somebody sends it SIGCONT."""

from __future__ import annotations

import os
import signal

import lifetime
from servers.http import Request


class Nothing:
    """It answers nobody."""

    def match(self, request: Request) -> bool:
        return False

    def handle_request(self, request: Request) -> None:
        raise AssertionError("asked although nothing matches")


def fall_asleep() -> None:
    """Until SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def never_made() -> Nothing:
    """Sleeps before there is a handler, so before the old process was asked for anything."""
    fall_asleep()
    return Nothing()


def sleeps_in_the_loop() -> Nothing:
    """Sleeps in the first turn of the loop: it has the listeners, and has not said a word yet."""
    lifetime.call_later(0, fall_asleep)
    return Nothing()
