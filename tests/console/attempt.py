"""The server of the four attempts: it waits for an operator, and stops when nobody is active.

Run as a program: `attempt.py CONSOLE [--inactivity SECONDS] [--timers NUMBER] [--main KIND]`.
It prints `ready`, and at the very end how many threads the system still counts in it.
"""

from __future__ import annotations

import argparse
import atexit
import os
import socket
import sys
import threading
import time
import warnings


def threads_left() -> int:
    """Threads of this process; one that has just ended gets the moment that the system needs."""
    until = time.monotonic() + 1.0
    while (number := len(os.listdir("/proc/self/task"))) > 1 and time.monotonic() < until:
        time.sleep(0.001)
    return number


def report(end: dict[str, int]) -> None:
    print("threads", threads_left(), flush=True)


# Before the console's own: what was registered first is called last.
atexit.register(report, {})

import lifetime  # noqa: E402
from lifetime import console  # noqa: E402
from lifetime.console.sources.signals import SignalSource  # noqa: E402
from lifetime.console.sources.unix_socket import UnixSocket  # noqa: E402
from tests.console.running import Member  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("console")
    parser.add_argument("--inactivity", type=float)
    parser.add_argument("--timers", type=int, default=0)
    parser.add_argument("--main", default="wait")
    parser.add_argument("--blocking-callback", action="store_true")
    options = parser.parse_args()
    default = console.default()
    listens = options.main not in ("sleep", "recv", "compute")
    default.open(SignalSource(leave=None if listens else 0.0))
    default.open(UnixSocket(options.console))
    console.acb(called_back if not options.blocking_callback else block, [])
    pending = [console.Timer(3600.0 - number, print) for number in range(options.timers)]
    limit = None
    if options.inactivity is not None:
        limit = console.InactivityTimer(options.inactivity, console.token.post, [])
    status: int = globals()[f"main_{options.main}"]()
    for timer in pending:
        timer.cancel()
    if limit is not None:
        limit.cancel()
    return status


def called_back(args: object, qedit: dict[str, object]) -> None:
    print("called", qedit["verb"], flush=True)


def block(args: object, qedit: dict[str, object]) -> None:
    time.sleep(3600.0)


def main_wait() -> int:
    """One wait for whatever comes first."""
    print("ready", flush=True)
    console.wait_any([console.token])
    return 0


def main_sleep() -> int:
    """The main thread knows nothing of any of this."""
    print("ready", flush=True)
    time.sleep(3600.0)
    return 1


def main_recv() -> int:
    """The main thread waits for a peer that says nothing."""
    print("ready", flush=True)
    ours, theirs = socket.socketpair()
    ours.recv(1)
    theirs.close()
    return 1


def main_compute() -> int:
    """The main thread does not wait at all."""
    print("ready", flush=True)
    while True:
        pass


def main_loop() -> int:
    """A Lifetime runs."""
    life = lifetime.default()
    Member(life)
    life.call_later(0, print, "ready")
    life.call_later(0, sys.stdout.flush)
    return lifetime.run(patience=0.1)


def main_slow() -> int:
    """A Lifetime runs, and nobody can tell yet whether somebody's handler will come back."""
    return main_stuck(stuck_after=3600.0)


def main_stuck(stuck_after: float = 0.05) -> int:
    """A Lifetime runs, and somebody's handler does not come back."""
    life = lifetime.default()
    life.stuck_after = stuck_after
    Member(life)

    def handler() -> None:
        print("ready", flush=True)
        time.sleep(3600.0)

    life.call_later(0, handler)
    return lifetime.run()


def main_bounded() -> int:
    """The same with so little patience that its bound is near."""
    life = lifetime.default()
    Member(life)

    def handler() -> None:
        print("ready", flush=True)
        time.sleep(3600.0)

    life.call_later(0, handler)
    return lifetime.run(patience=0.01)


def main_exception() -> int:
    """The main thread fails."""
    print("ready", flush=True)
    raise ValueError("on purpose")


def main_thread_exits() -> int:
    """`sys.exit` in a thread ends that thread alone; then the main thread ends."""
    thread = threading.Thread(target=sys.exit, args=[3])
    thread.start()
    thread.join()
    print("ready", flush=True)
    return 0


def main_fork() -> int:
    """A child that runs its own clean-up, while the parent goes on."""
    # From 3.12 on Python says that this is a risk; here it is the point.
    warnings.filterwarnings("ignore", "This process", DeprecationWarning)
    child = os.fork()
    if child == 0:
        print("child", console.default()._sources, threads_left(), flush=True)
        return 0
    os.waitpid(child, 0)
    print("ready", flush=True)
    console.wait_any([console.token])
    return 0


if __name__ == "__main__":
    sys.exit(main())
