"""The processes that a command has started: stop them for a moment, count them, end them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

#: The environment variable that marks the processes of one command.
MARK = "LIFETIME_CHECK"

PROC = Path("/proc")


class ProcessGroup:
    """The group that `leader` leads, and on Linux whoever left it but still bears the mark.

    leader: the pid of a process that was started in a session of its own.
    mark: the value of `MARK` in its environment; no other command has it.
    """

    def __init__(self, leader: int, mark: str) -> None:
        self.leader = leader
        self.mark = f"{MARK}={mark}".encode()

    def signal(self, number: int) -> None:
        """Send `number` to the group; it may have gone already."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.leader, number)

    def members(self) -> list[int]:
        """The pids of those that still run."""
        try:
            pids = [int(name) for name in os.listdir(PROC) if name.isdigit()]
        except OSError:  # no Linux, or no descriptor left
            pids = []
        if not pids:
            return [self.leader] if self._exists() else []
        return [pid for pid in sorted(pids) if self._is_member(pid)]

    def kill(self, timeout: float = 5.0) -> list[int]:
        """End all of them at once; return those that are still there after `timeout` seconds."""
        self.signal(signal.SIGKILL)
        deadline = time.monotonic() + timeout
        while (left := self.members()) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)  # nobody tells us: they need not be children of ours
        return left

    def _exists(self) -> bool:
        try:
            os.killpg(self.leader, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True

    def _is_member(self, pid: int) -> bool:
        try:
            stat = (PROC / str(pid) / "stat").read_bytes()
            # The name, in parentheses, may contain anything; behind it: state, parent, group.
            state, _, group, *_ = stat.rpartition(b")")[2].split()
            if state in (b"Z", b"X"):  # ended; whether it was waited for is its parent's affair
                return False
            if int(group) == self.leader:
                return True
            return self.mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:  # it has just ended, or is somebody else's
            return False


def name_of(pid: int) -> str:
    """A process as a person knows it: pid and command."""
    try:
        command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1")
    except OSError:
        return str(pid)
    shown = "".join(c if c.isprintable() else " " for c in command.strip())
    return f"{pid} ({shown[:60]})"
