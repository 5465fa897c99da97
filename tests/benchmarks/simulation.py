"""How fast simulated runs are, and how soon each fault in the zoo is found.

    python -m tests.benchmarks.simulation [--examples N] [--seeds N] [--markdown] [animal ...]

Prints runs per second of the bundled HTTP server; then, for each wrong animal: the law that was
named, runs until the fault was found (with several seeds: the median and the most), seconds of
processor time with everything, shrinking included, and the events that are left of the story.
With defaults of `check_dispatcher`.  Nothing here is a test.
"""

import argparse
import platform
import statistics
import sys
import time
import warnings
from dataclasses import dataclass

from lifetime.testing import judge_dispatcher
from tests.zoo import (
    good,
    wrong_channels,
    wrong_handlers,
    wrong_hooks,
    wrong_listeners,
    wrong_loops,
)
from tests.zoo.animals import WRONG, Animal
from tests.zoo.good_http import http_quick

# They fill the register.
__all__ = [
    "good",
    "wrong_channels",
    "wrong_handlers",
    "wrong_hooks",
    "wrong_listeners",
    "wrong_loops",
]

HEADINGS = ("animal", "law", "runs", "at most", "seconds", "events")

#: For each example of the bundled server, in seconds on one core, what is aimed for.
AIM = 60.0 / 1000


@dataclass(frozen=True)
class Find:
    """One fault, found or not.  law: 0 if it was not."""

    law: int
    runs: int
    seconds: float
    events: int


def find(animal: Animal, seed: int) -> Find:
    begun = time.process_time()
    verdict = judge_dispatcher(animal.factory, seed=seed)
    spent = time.process_time() - begun
    if verdict.broken is None:
        return Find(0, verdict.visited, spent, 0)
    events = len(verdict.broken.run.scenario.events)
    return Find(verdict.broken.law, verdict.visited, spent, events)


def row(animal: Animal, seeds: int) -> tuple[str, ...]:
    finds = [find(animal, seed) for seed in range(seeds)]
    laws = sorted({each.law for each in finds})
    return (
        animal.name,
        ", ".join(str(law) if law else "not found" for law in laws),
        f"{statistics.median(each.runs for each in finds):.0f}",
        f"{max(each.runs for each in finds)}",
        f"{statistics.median(each.seconds for each in finds):.2f}",
        f"{max(each.events for each in finds)}",
    )


def speed(examples: int) -> str:
    """A sentence about the bundled HTTP server."""
    begun = time.process_time()
    verdict = judge_dispatcher(http_quick, examples=examples)
    spent = time.process_time() - begun
    return (
        f"{verdict.visited} runs of the bundled HTTP server in {spent:.1f} s of processor time: "
        f"{verdict.visited / spent:.0f} a second; the aim is {1 / AIM:.0f}"
    )


def show(rows: list[tuple[str, ...]], markdown: bool) -> str:
    if markdown:
        lines = [HEADINGS, ("---",) * 2 + ("---:",) * 4, *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    widths = [max(len(line[place]) for line in [HEADINGS, *rows]) for place in range(len(HEADINGS))]
    lines = [
        tuple(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in [HEADINGS, *rows]
    ]
    return "\n".join("  ".join(line) for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("animals", nargs="*")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", ResourceWarning)  # some animals leak, on purpose
    print(f"{platform.python_implementation()} {platform.python_version()}")
    print(speed(chosen.examples))
    animals = [each for each in WRONG if not chosen.animals or each.name in chosen.animals]
    print(show([row(each, chosen.seeds) for each in animals], chosen.markdown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
