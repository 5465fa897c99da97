"""One run: a factory and a scenario in, a trace and a verdict out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from lifetime.testing.events import Scenario, SetClock
from lifetime.testing.laws import Allowances, Breach, Judge
from lifetime.testing.telling.coverage import Coverage
from lifetime.testing.trace import Entry, Trace
from lifetime.testing.world.world import World

Factory = Callable[[World], object]


@dataclass(frozen=True)
class Run:
    """What came of one scenario.

    tape: what was chosen, of how many, each time that there was a choice.
    """

    scenario: Scenario
    trace: Trace
    breach: Breach | None
    tape: tuple[tuple[int, int], ...]
    following: tuple[int, ...] | None


def simulate(
    factory: Factory,
    scenario: Scenario,
    *,
    laws: Collection[int] | None = None,
    allowances: Allowances | None = None,
    coverage: Coverage | None = None,
) -> Run:
    """Run one scenario; the first broken law ends it.

    laws: the numbers of those that count; None: all.
    Raises what the factory raises, and SimulationLimit.
    """
    run = _run(factory, scenario, laws, allowances or Allowances(), coverage)
    if run.breach is not None and run.breach.law != 3 and (laws is None or 3 in laws):
        return _blame_the_wall_clock(factory, run, laws, allowances or Allowances())
    return run


def _run(
    factory: Factory,
    scenario: Scenario,
    laws: Collection[int] | None,
    allowances: Allowances,
    coverage: Coverage | None,
) -> Run:
    world = World(scenario)
    judge = Judge(laws, allowances)
    breach: Breach | None = None

    def judged(entry: Entry) -> None:
        nonlocal breach
        if breach is None:
            breach = judge.observe(entry)
            world.over = breach is not None

    world.trace.subscribe(judged)
    if coverage is not None:
        world.trace.subscribe(coverage.observe)
    world.build(factory)
    world.run()
    if breach is None:
        breach = judge.ended()
    if coverage is not None:
        coverage.run_ended()
    return Run(
        scenario, world.trace, breach, tuple(world.tape.taken), world.tape.following()
    )


def _blame_the_wall_clock(
    factory: Factory, run: Run, laws: Collection[int] | None, allowances: Allowances
) -> Run:
    """If a law is broken only because the wall clock is wrong, it was law 3.

    Nobody measures time on that clock as long as nothing depends on its being right.
    """
    scenario = run.scenario
    is_set = any(isinstance(each, SetClock) for each in scenario.events)
    if run.breach is None or not (is_set or scenario.weather.wall_speed != 1.0):
        return run
    # A clock that is set by nothing, not none: everything else happens as it did, choice by choice.
    events = tuple(
        replace(event, seconds=0.0) if isinstance(event, SetClock) else event
        for event in scenario.events
    )
    right = replace(scenario, events=events, weather=replace(scenario.weather, wall_speed=1.0))
    without = _run(factory, right, laws, allowances, None)
    if without.breach is not None:
        return run
    sentence = (
        f"{run.breach.sentence}  Nothing of it happens if the wall clock is right: somebody "
        "measures time with time.time(); use the time_in_phase that is given, or time.monotonic()."
    )
    return replace(run, breach=replace(run.breach, law=3, sentence=sentence))
