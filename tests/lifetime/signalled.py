"""A process to send signals to: `python -m tests.lifetime.signalled MODE [FAST [CODE [PATIENCE]]]`.

It says `ready`, then each phase and each log line as it comes.  Modes: idle; busy (vetoes phase 3
for ever); blocked (a handler sleeps and does not come back); forking (a child says what SIGTERM
would do to it); reopening (a callback for log files).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time

from lifetime import Lifetime, Patience, Veto
from tests.lifetime.members import Member


def say(line: str) -> None:
    """Write a line at once."""
    os.write(1, f"{line}\n".encode())


def block() -> None:
    """Never come back."""
    say("blocked")
    time.sleep(3600)


def fork_and_look() -> None:
    """Say what a child of fork() does on SIGTERM."""
    if os.fork() == 0:
        say(f"child: {signal.getsignal(signal.SIGTERM)!s} {signal.set_wakeup_fd(-1)}")
        os._exit(0)
    os.wait()


def main(mode: str, fast: str = "60", restart_exit_code: str = "3", patience: str = "60") -> int:
    """Run until a signal ends it; returns the exit status."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="log %(message)s")
    lifetime = Lifetime(
        patience=Patience(phase=float(patience), fast=float(fast)), escalation_interval=0.0
    )
    lifetime.stuck_after = 0.0  # who has not come back yet is taken for one who never does
    lifetime.on_phase(lambda phase: say(f"phase {int(phase)}"))
    lifetime.on_reopen(lambda: say("reopened"))
    Member(lifetime, lambda phase, spent: mode == "busy" and phase == 3 and Veto("busy"))
    first = {"blocked": block, "forking": fork_and_look}.get(mode, lambda: None)
    lifetime.call_later(0.0, first)
    lifetime.call_later(0.0, say, "ready")
    return lifetime.run(restart_exit_code=int(restart_exit_code))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
