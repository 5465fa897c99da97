"""check_dispatcher: run a server through many scenarios, and judge every run by the laws."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from inspect import GEN_CLOSED, getgeneratorstate

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from lifetime.testing.enumeration import Scope, Walk, neighbourhood, scenarios_in
from lifetime.testing.events import Scenario
from lifetime.testing.laws import Allowances
from lifetime.testing.laws.ending import SameSeedSameTrace
from lifetime.testing.loading import FactoryError
from lifetime.testing.repetition import repeated, unrepeatable
from lifetime.testing.shrinking import shrunk
from lifetime.testing.simulation import Factory, Run, simulate
from lifetime.testing.strategies import scenarios
from lifetime.testing.telling.coverage import Coverage
from lifetime.testing.telling.report import report
from lifetime.testing.trace import Did, Entry
from lifetime.testing.verdict import LawBroken, Verdict

#: Each so-many-th run is run twice: the same scenario must give the same trace (law 10).
REPEATED = 10

#: One of so many examples is not drawn, but one of the simplest there are: see `neighbourhood`.
NEAR = 3

#: What is told about progress: runs that have been, and that there will be (0: nobody knows).
Progress = Callable[[int, int], object]


def check_dispatcher(
    factory: Factory,
    *,
    examples: int = 500,
    seed: int = 0,
    laws: Collection[int] | None = None,
    exhaustive: bool | Scope = False,
    must_reach: Sequence[str] = (),
    allowances: Allowances | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Check that what `factory` builds obeys the laws of an orderly shutdown.

    factory: called as `factory(world)` for each run; builds listeners, dispatchers and handlers as
        it always does.  `world.speaks(HTTP("/", "/slow"))` tells clients what to ask.
    examples: so many scenarios are drawn; seed: other ones.  The same seed draws the same.
    laws: numbers of the laws that count; None: all ten.
    exhaustive: instead of drawing, try every order of the events in a small scope.
    must_reach: situations (see `SITUATIONS`) that the runs must come into.
    allowances: what is still taken for prompt.
    Raises LawBroken, with the story of the smallest run that was found; NeverReached; ValueError
    for a situation that nobody knows; what the factory raises; FactoryError if it makes nothing;
    SimulationLimit for what cannot be simulated.
    """
    __tracebackhide__ = True  # pytest shows the caller's line and the story
    Coverage().missing(must_reach)  # a slip is told before the runs, not behind them
    verdict = judge_dispatcher(
        factory,
        examples=examples,
        seed=seed,
        laws=laws,
        exhaustive=exhaustive,
        allowances=allowances,
        progress=progress,
    )
    if verdict.broken is not None:
        raise verdict.broken
    verdict.require(must_reach)
    return verdict


def judge_dispatcher(
    factory: Factory,
    *,
    examples: int = 500,
    seed: int = 0,
    laws: Collection[int] | None = None,
    exhaustive: bool | Scope = False,
    allowances: Allowances | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """As `check_dispatcher`, but what is broken is in the verdict that it returns."""
    verdict = Verdict(factory, seed, laws)
    begun = time.perf_counter()
    has_joined = False

    def run(scenario: Scenario) -> Run:
        nonlocal has_joined
        verdict.visited += 1
        if progress is not None:
            progress(verdict.visited, 0 if exhaustive else examples)
        result = simulate(
            factory, scenario, laws=laws, allowances=allowances, coverage=verdict.coverage
        )
        has_joined = has_joined or any(map(_joins, result.trace.entries))
        if result.breach is None and verdict.visited % REPEATED == 0:
            result = repeated(factory, result, laws, allowances)
        return result

    if exhaustive:
        scope = exhaustive if isinstance(exhaustive, Scope) else Scope()
        walk = scenarios_in(scope)
        failed = _visit(run, walk, scope.most)
        verdict.complete = failed is None and getgeneratorstate(walk) == GEN_CLOSED
    else:
        failed = _visit(run, neighbourhood(), examples // NEAR) or _draw(
            run, examples - verdict.visited, seed
        )
        if failed is not None:
            failed = _simplest(failed, factory, laws, allowances)
    if failed is not None:
        verdict.broken = LawBroken(report(factory, failed), failed)
    elif verdict.visited and not has_joined:
        raise FactoryError(
            "in no run has the factory put anything into the socket map, so no law could be broken;"
            " build a listener or another dispatcher in it"
        )
    verdict.seconds = time.perf_counter() - begun
    return verdict


def _joins(entry: Entry) -> bool:
    """Whether a dispatcher joins that is none of the harness's own."""
    return entry.did is Did.JOINED and bool(entry.data["own"])


def _visit(run: Callable[[Scenario], Run], walk: Walk, most: int) -> Run | None:
    """The first that fails of a walk that goes where the runs before it show."""
    before: Run | None = None
    for number in range(most + 1):
        try:
            scenario = next(walk) if before is None else walk.send(before)
        except StopIteration:
            return None
        if number == most:
            break  # there is more
        before = run(scenario)
        if before.breach is not None:
            return before
    return None


def _draw(run: Callable[[Scenario], Run], examples: int, seed: int) -> Run | None:
    """Let Hypothesis draw until something fails."""
    failed: list[Run] = []

    @seeded(seed)
    @settings(
        max_examples=max(examples, 1),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(scenarios())
    def drawn(scenario: Scenario) -> None:
        # Hypothesis draws again what has failed, to see whether it fails again; `_simplest` does.
        if not failed:
            result = run(scenario)
            if result.breach is not None:
                failed.append(result)
        if failed:
            raise _Found

    with suppress(_Found):
        drawn()
    return failed[0] if failed else None


def _simplest(
    failed: Run, factory: Factory, laws: Collection[int] | None, allowances: Allowances | None
) -> Run:
    """The simplest run that breaks the same law; law 10 is broken if this one does not always."""
    assert failed.breach is not None
    chance = failed.breach.law == SameSeedSameTrace.number

    def run(scenario: Scenario) -> Run:
        result = simulate(factory, scenario, laws=laws, allowances=allowances)
        return repeated(factory, result, laws, allowances) if chance else result

    if not chance:
        again = run(failed.scenario)
        if again.breach is None or again.breach.law != failed.breach.law:
            return unrepeatable(failed)
    return shrunk(failed, run)


class _Found(Exception):
    """A law is broken."""
