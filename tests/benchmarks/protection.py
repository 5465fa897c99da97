"""What a protected block costs while nothing is pending.

    python -m tests.benchmarks.protection [--rounds N] [--calls N]

Prints, in microseconds of processor time, the median and the best of the rounds: for one begin and
end, by `with` and by hand, and for one `allow_break()`.  The empty loop is subtracted.  Nothing
here is a test.
"""

import argparse
import platform
import statistics
import sys
import time
import timeit
from collections.abc import Callable

from lifetime import Lifetime
from lifetime.protection import ProtectedBlock, ShutdownProtection, release

#: What is aimed for, in microseconds.
AIMS = {"with": 2.0, "protect, unprotect": 2.0, "allow_break": 0.5, "with, under run()": 2.0}


def protect(calls: int) -> float:
    """Seconds for so many blocks, made as the manual says."""
    timer = timeit.Timer(
        "with ShutdownProtection(60): pass",
        globals={"ShutdownProtection": ShutdownProtection},
        timer=time.process_time,
    )
    return timer.timeit(calls)


def protect_by_hand(calls: int) -> float:
    """The same by one block's methods."""
    timer = timeit.Timer(
        "block.protect(); block.unprotect()",
        globals={"block": ProtectedBlock(60)},
        timer=time.process_time,
    )
    return timer.timeit(calls)


def allow_break(calls: int) -> float:
    """Breaking points inside one block."""
    with ShutdownProtection(60) as block:
        timer = timeit.Timer(
            "block.allow_break()", globals={"block": block}, timer=time.process_time
        )
        return timer.timeit(calls)


def protect_in_a_server(calls: int) -> float:
    """Blocks in a callback of a Lifetime that handles the signals itself."""
    release()  # so that nobody but the Lifetime handles signals
    lifetime = Lifetime()
    seconds: list[float] = []
    lifetime.call_later(0.0, lambda: seconds.append(protect(calls)))
    lifetime.call_later(0.0, lifetime.shutdown)
    lifetime.map[-1] = _Nobody()
    lifetime.run()
    return seconds[0]


class _Nobody:
    """Keeps a Lifetime running until it is asked to stop."""

    def readable(self) -> bool:
        """Never."""
        return False

    writable = readable

    def close(self) -> None:
        """There is nothing to close."""


MEASUREMENTS: dict[str, Callable[[int], float]] = {
    "with": protect,
    "protect, unprotect": protect_by_hand,
    "allow_break": allow_break,
    "with, under run()": protect_in_a_server,
}


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description="What a protected block costs.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=50_000)
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()} on {sys.platform}; microseconds for one")
    print(f"{'':24}{'median':>8}{'best':>8}{'aim':>8}")
    for name, measure in MEASUREMENTS.items():
        empty = timeit.timeit("pass", timer=time.process_time, number=arguments.calls)
        each = [
            (measure(arguments.calls) - empty) / arguments.calls * 1e6
            for _ in range(arguments.rounds)
        ]
        print(f"{name:24}{statistics.median(each):8.2f}{min(each):8.2f}{AIMS[name]:8.1f}")
    release()


if __name__ == "__main__":
    main()
