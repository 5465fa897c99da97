"""check_dispatcher: run a server through many scenarios, and judge every run by the laws."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import FlakyFailure

from lifetime.testing.enumeration import Scope, scenarios_in
from lifetime.testing.events import Scenario
from lifetime.testing.laws import Allowances, Breach
from lifetime.testing.repetition import repeated, unrepeatable
from lifetime.testing.simulation import Factory, Run, simulate
from lifetime.testing.strategies import scenarios
from lifetime.testing.telling.report import report
from lifetime.testing.verdict import LawBroken, Verdict

#: Each so-many-th run is run twice: the same scenario must give the same trace (law 10).
REPEATED = 10

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
    Raises LawBroken, with the story of the smallest run that was found; NeverReached; what the
    factory raises; SimulationLimit for what cannot be simulated.
    """
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

    def run(scenario: Scenario) -> Run:
        verdict.visited += 1
        if progress is not None:
            progress(verdict.visited, 0 if exhaustive else examples)
        result = simulate(
            factory, scenario, laws=laws, allowances=allowances, coverage=verdict.coverage
        )
        if result.breach is None and verdict.visited % REPEATED == 0:
            result = repeated(factory, result, laws, allowances)
        return result

    if exhaustive:
        scope = exhaustive if isinstance(exhaustive, Scope) else Scope()
        failed = _enumerate(run, scope, verdict)
    else:
        failed = _draw(run, examples, seed)
    if failed is not None:
        verdict.broken = LawBroken(report(factory, failed), failed)
    verdict.seconds = time.perf_counter() - begun
    return verdict


def _enumerate(run: Callable[[Scenario], Run], scope: Scope, verdict: Verdict) -> Run | None:
    walk = scenarios_in(scope)
    following: tuple[int, ...] | None = None
    while True:
        try:
            scenario = walk.send(following) if verdict.visited else next(walk)
        except StopIteration:
            verdict.complete = True
            return None
        if verdict.visited >= scope.most:
            return None
        result = run(scenario)
        if result.breach is not None:
            return result
        following = result.following


def _draw(run: Callable[[Scenario], Run], examples: int, seed: int) -> Run | None:
    """Let Hypothesis draw, and shrink what fails."""
    last: list[Run] = []

    @seeded(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(scenarios())
    def drawn(scenario: Scenario) -> None:
        result = run(scenario)
        if result.breach is not None:
            last.append(result)
            raise _kind_of(result.breach)

    try:
        drawn()
    except _Found:
        return last[-1]
    except FlakyFailure:
        return unrepeatable(last[-1])
    return None


class _Found(Exception):
    """A law is broken."""


_kinds: dict[int, type[_Found]] = {}


def _kind_of(breach: Breach) -> _Found:
    """An exception of a kind of its own for each law, so that shrinking stays with one of them."""
    kind = _kinds.setdefault(breach.law, type(f"Law{breach.law}Broken", (_Found,), {}))
    return kind()
