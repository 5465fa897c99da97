"""`lifetime check package.module:factory`: the simulated part of the subcommand."""

from __future__ import annotations

import argparse
import contextlib
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import lifetime.testing as harness
from lifetime.testing import FactoryError, LawBroken, SimulationLimit, Verdict
from lifetime.testing.live.table import Line
from lifetime.testing.telling.coverage import Coverage
from lifetime.testing.telling.words import plural
from lifetime.testing.world import world
from servers.command import options as values
from servers.command.options import BadInput

#: So much of the check is said on a terminal without rich, each time that so many runs are over.
PLAIN_STEP = 100
PLAIN_BAR = 30  # columns

WIDTH = 100  # columns
INDENT = 19


def add_factory_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments that say which dispatchers to check in simulated worlds."""
    parser.add_argument(
        "factory",
        nargs="?",
        metavar="PACKAGE.MODULE:FACTORY",
        help="builds the dispatchers to check: a function of a simulated world",
    )
    simulated = parser.add_argument_group("dispatchers, in simulated worlds")
    simulated.add_argument(
        "--examples", metavar="N", type=_count, default=500, help="scenarios (%(default)s)"
    )
    simulated.add_argument(
        "--exhaustive", action="store_true", help="every order of a few events, instead of a sample"
    )
    simulated.add_argument(
        "--laws", metavar="N,N", type=_laws, help="only these, such as 1,4,5 (all ten)"
    )
    simulated.add_argument(
        "--must-reach",
        metavar="SITUATION",
        action="append",
        default=[],
        help="fail if no run comes into this situation (repeatable)",
    )
    simulated.add_argument(
        "--coverage", action="store_true", help="say which situations the runs came into"
    )


def check_factory(options: argparse.Namespace) -> Verdict:
    """Draw scenarios until a law breaks, or all hold.

    Raises BadInput for what cannot be checked, and NeverReached.
    """
    try:
        judge = harness.judge_dispatcher
    except ModuleNotFoundError as error:
        raise BadInput(str(error)) from error
    try:
        Coverage().missing(options.must_reach)  # a slip is told before the runs
    except ValueError as error:
        raise BadInput(str(error)) from error
    try:
        verdict: Verdict
        with bar(0 if options.exhaustive else options.examples) as progress:
            verdict = judge(
                harness.load_factory(options.factory),
                examples=options.examples,
                seed=options.seed or 0,
                laws=options.laws,
                exhaustive=options.exhaustive,
                progress=progress,
            )
    except (FactoryError, SimulationLimit) as error:
        raise BadInput(str(error)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also sys.exit(), which would be taken for a verdict
        raise BadInput(f"{options.factory} failed: {_where(error)}") from error
    if verdict.ok:
        verdict.require(options.must_reach)
    return verdict


def lines(verdict: Verdict, coverage: bool) -> Iterator[Line]:
    """The report in pieces that a terminal may colour."""
    if verdict.broken is not None:
        yield from story_lines(verdict.broken)
    for number, statement, kept in verdict.judged():
        word, tone = {True: ("kept", "good"), False: ("BROKEN", "bad"), None: ("not judged", "")}[
            kept
        ]
        first, *rest = textwrap.wrap(statement, WIDTH - INDENT)
        yield [(f"law {number:<3}", ""), (f"{word:<12}", tone), (first, "")]
        yield from ([(" " * INDENT + line, "")] for line in rest)
    if coverage:
        yield []
        yield from ([(line, "")] for line in verdict.coverage.table().splitlines())
    yield []
    runs = f"{plural(verdict.visited, 'run')} in {verdict.seconds:.1f} s"
    runs += ": every order there is" if verdict.complete else f", seed {verdict.seed}"
    if verdict.ok:
        yield [("No law is broken", "good"), (f" in {runs}.", "")]
    else:
        law = 0 if verdict.broken is None else verdict.broken.law
        yield [(f"Law {law} is broken", "bad"), (f"; found in {runs}.", "")]


def story_lines(broken: LawBroken) -> Iterator[Line]:
    """The story of the smallest run; what went wrong stands out."""
    for number, line in enumerate(str(broken).splitlines()):
        yield [(line, "bad" if number == 0 or "***" in line else "")]
    yield []


@contextlib.contextmanager
def bar(total: int) -> Iterator[Callable[[int, int], object] | None]:
    """On a terminal, how far the check is; it goes when the block ends.

    total: runs; 0 if nobody knows.
    """
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
    except ImportError:
        yield _count_aloud
        print("\r\033[K", end="", file=stream, flush=True)
        return
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    console = Console(file=stream)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("checking", total=total or None)

        def tell(visited: int, of: int) -> None:
            # Behind the last example it is shrinking, and nobody knows for how long.
            shrinking = 0 < of < visited
            progress.update(
                task,
                completed=visited,
                total=None if shrinking else of or None,
                description="shrinking" if shrinking else "checking",
            )

        yield tell


def _count_aloud(visited: int, of: int) -> None:
    if visited % PLAIN_STEP == 0:
        done = "#" * (PLAIN_BAR * visited // of) if visited <= of else ""
        drawn = f"[{done:.<{PLAIN_BAR}}] " if done else ""
        print(f"\r\033[K{drawn}{visited} runs", end="", file=sys.stderr, flush=True)


def _where(error: BaseException) -> str:
    """An error of somebody's factory, with the place, in one line."""
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    told = f"{type(error).__name__}: {error}"
    if not frames or frames[-1].filename == world.__file__:
        return told  # it cannot even be called with a world
    return f"{told} ({frames[-1].filename}, line {frames[-1].lineno})"


def _count(text: str) -> int:
    number = values.whole(text)
    if not number:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs; give 1 or more")
    return number


def _laws(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(each) for each in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not set(numbers) <= harness.LAWS.keys():
        raise argparse.ArgumentTypeError(f"{text[:40]!r} names no laws; give numbers such as 1,4,5")
    return numbers
