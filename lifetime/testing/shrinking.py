"""Makes a failing scenario as simple as can be: few events, no weather, no choice, no waiting.

Whoever reads the story takes everything in it for a cause, so nothing may be in it that is none.
A simpler scenario counts if it breaks the same law.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from lifetime.testing.events import Event, Scenario, Weather
from lifetime.testing.simulation import Run

#: Runs that are spent on it at most.
MOST_RUNS = 600

#: So many numbers are tried in the place of a larger one.
SMALL = 5


def shrunk(failed: Run, run: Callable[[Scenario], Run]) -> Run:
    """The simplest run that was found from `failed` on, and that breaks the same law.

    run: simulates a scenario.
    """
    tried = {failed.scenario}
    best = failed
    before = None
    while before is not best:
        before = best
        for simpler in _STEPS:
            while (found := _first_that_fails(best, simpler(best), run, tried)) is not None:
                best = found
    return best


def _first_that_fails(
    best: Run,
    candidates: Iterator[Scenario],
    run: Callable[[Scenario], Run],
    tried: set[Scenario],
) -> Run | None:
    assert best.breach is not None
    for scenario in candidates:
        if scenario in tried:
            continue
        if len(tried) >= MOST_RUNS:
            return None
        tried.add(scenario)
        result = run(scenario)
        if result.breach is not None and result.breach.law == best.breach.law:
            return result
    return None


def _all_at_once(run: Run) -> Iterator[Scenario]:
    scenario = run.scenario
    yield replace(scenario, weather=Weather(), tape=(), rest=1.0)
    yield replace(scenario, tape=())
    yield replace(scenario, weather=Weather())


def _with_fewer_events(run: Run) -> Iterator[Scenario]:
    for events in _fewer(run.scenario.events):
        yield replace(run.scenario, events=events)


def _with_less_choice(run: Run) -> Iterator[Scenario]:
    for tape in _shorter(_as_taken(run)):
        yield replace(run.scenario, tape=tape)


def _fairer(run: Run) -> Iterator[Scenario]:
    yield replace(run.scenario, rest=1.0)
    for weather in _closer_to_default(run.scenario.weather):
        yield replace(run.scenario, weather=weather)


def _with_plainer_events(run: Run) -> Iterator[Scenario]:
    for events in _plainer(run.scenario.events):
        yield replace(run.scenario, events=events)


#: What makes a run's scenario simpler, the boldest first.
_STEPS: tuple[Callable[[Run], Iterator[Scenario]], ...] = (
    _all_at_once,
    _with_fewer_events,
    _with_less_choice,
    _fairer,
    _with_plainer_events,
)


def _as_taken(run: Run) -> tuple[int, ...]:
    """The tape as it was used: choices that there were, by their small numbers."""
    return tuple(choice for choice, _ in run.tape[: len(run.scenario.tape)])


def _shorter(tape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Fewer choices that are not the simplest: without an end, then without each."""
    chosen = [position for position, choice in enumerate(tape) if choice]
    for count in range(len(chosen)):
        yield _trimmed(tape[: chosen[count]])
    yield _trimmed(tape)
    for position in chosen:
        for choice in range(tape[position]):
            yield _trimmed((*tape[:position], choice, *tape[position + 1 :]))


def _trimmed(tape: Sequence[int]) -> tuple[int, ...]:
    """Zeros at the end say nothing."""
    length = max((number for number, choice in enumerate(tape, 1) if choice), default=0)
    return tuple(tape[:length])


def _fewer(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    """Without many of them, then without each; what comes behind comes when it did, or earlier."""
    size = len(events)
    while size:
        for start in range(0, len(events) - size + 1):
            kept, gone = events[:start], events[start : start + size]
            behind = events[start + size :]
            yield (*kept, *behind)
            waited = sum(event.after for event in gone)
            if behind and waited:
                first = replace(behind[0], after=behind[0].after + waited)
                yield (*kept, first, *behind[1:])
        size //= 2


def _plainer(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    """Everything at once, by fewer clients; then each event by itself."""
    yield tuple(replace(event, after=0.0) for event in events)
    clients = list(dict.fromkeys(event.client for event in events if hasattr(event, "client")))
    numbers = {client: number for number, client in enumerate(clients, 1)}
    yield tuple(_by(event, numbers) for event in events)
    for client in clients:
        yield tuple(_by(event, {client: 1}) for event in events)
    for position, event in enumerate(events):
        whole = replace(event, after=float(int(event.after)))
        for plainer in (*_closer_to_default(event), whole):
            yield (*events[:position], plainer, *events[position + 1 :])


def _by(event: Any, numbers: dict[int, int]) -> Event:
    client = getattr(event, "client", None)
    other: Event = replace(event, client=numbers[client]) if client in numbers else event
    return other


def _closer_to_default(value: Any) -> Iterator[Any]:
    """An event or weather, with one detail as it is by default, or a smaller number."""
    default = type(value)()
    for each in fields(value):
        if getattr(value, each.name) != getattr(default, each.name):
            yield replace(value, **{each.name: getattr(default, each.name)})
    for each in fields(value):
        number, least = getattr(value, each.name), getattr(default, each.name)
        if type(number) is int and each.name != "client":  # `_by` gives clients their numbers
            for smaller in range(least + 1, min(number, least + SMALL)):
                yield replace(value, **{each.name: smaller})
