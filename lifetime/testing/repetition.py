"""Runs a scenario again: to replay a failure, and to see that it runs the same way (law 10)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from lifetime.testing.events import Scenario
from lifetime.testing.laws import Allowances, Breach
from lifetime.testing.laws.ending import SameSeedSameTrace
from lifetime.testing.simulation import Factory, Run, simulate
from lifetime.testing.telling.report import report
from lifetime.testing.verdict import LawBroken


def replay(
    factory: Factory,
    scenario: Scenario,
    *,
    laws: Collection[int] | None = None,
    allowances: Allowances | None = None,
) -> Run:
    """Run one scenario again, as a failure's report gives it.

    Returns the run, which has the trace.  Raises LawBroken if it breaks a law.
    """
    __tracebackhide__ = True  # pytest shows the caller's line and the story
    run = simulate(factory, scenario, laws=laws, allowances=allowances)
    if run.breach is None:
        run = repeated(factory, run, laws, allowances)
    if run.breach is not None:
        raise LawBroken(report(factory, run), run)
    return run


def repeated(
    factory: Factory,
    run: Run,
    laws: Collection[int] | None = None,
    allowances: Allowances | None = None,
) -> Run:
    """The same scenario once more: law 10 is broken if the trace is not the same."""
    if laws is not None and SameSeedSameTrace.number not in laws:
        return run
    other = simulate(factory, run.scenario, laws=laws, allowances=allowances)
    breach = SameSeedSameTrace.compare(run.trace, other.trace)
    return run if breach is None else replace(run, breach=breach)


def unrepeatable(run: Run) -> Run:
    """A law was broken, and then it was not, in the same scenario."""
    assert run.breach is not None
    sentence = (
        f"a law was broken in one run of a scenario, and held in the next: {run.breach.sentence}  "
        "Something decides by real time, by real chance, by the order of a set, or by what an "
        "earlier run has left."
    )
    return replace(run, breach=Breach(SameSeedSameTrace.number, sentence, run.breach.at))
