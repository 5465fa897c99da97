"""Worlds to be drawn: dispatchers with every vice, and a stop at some time, perhaps taken back."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lifetime import Patience
from tests.lifetime.scripted import ScriptedDispatcher, Spec, World

#: Halves and thirds of a second, so that nothing falls on the loop's ticks only.
SECONDS = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0, 1.5, 2.0, 3.7, 5.0])

PHASES = ("1", "2", "3")

VETOES = st.sampled_from([0, 0, 0, 0.5, 1.0, 2.25, "forever"])


def name_list(count: int) -> list[str]:
    """The names of so many dispatchers."""
    return [f"d{number}" for number in range(count)]


def acts(operations: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[Spec]:
    """What a dispatcher does in one phase."""
    raises = st.fixed_dictionaries(
        {
            "raise_on_call": st.integers(0, 2),
            "exception": st.sampled_from(["RuntimeError", "ValueError", "OSError"]),
            "veto": VETOES,
        }
    )
    behaves = st.fixed_dictionaries(
        {"veto": VETOES},
        optional={
            "once": st.lists(operations, max_size=2),
            "close_when_released": st.booleans(),
        },
    )
    return behaves | raises


def specs(
    name: str, operations: st.SearchStrategy[list[Any]], keep: bool = True
) -> st.SearchStrategy[Spec]:
    """One dispatcher; some have no opinion at all."""
    control = st.dictionaries(st.sampled_from(PHASES), acts(operations), max_size=3)
    return st.fixed_dictionaries(
        {
            "name": st.just(name),
            "control": st.none() | control if keep else control,
            "on_error": st.sampled_from(["close", "keep", "raise"]),
        }
    )


@st.composite
def operations(draw: st.DrawFn, names: list[str], undo: bool = False) -> list[Any]:
    """What a hook does to the world: close, join, hurry; and sometimes take it all back."""
    kinds = ["close", "close_all", "add", "shutdown", "clock"] + ["resume"] * undo
    kind = draw(st.sampled_from(kinds))
    if kind == "close":
        return ["close", draw(st.sampled_from(["self", *names]))]
    if kind == "add":
        return ["add", draw(specs("late", st.just(["close", "self"])))]
    if kind == "shutdown":
        return ["shutdown", draw(st.integers(0, 3)), draw(st.integers(0, 1))]
    if kind == "clock":
        return ["clock", draw(st.sampled_from([-60.0, 3600.0]))]
    return [kind]


@st.composite
def scenarios(draw: st.DrawFn, undo: bool = False) -> Spec:
    """A whole world: dispatchers, and events of which one at least is a stop."""
    names = name_list(draw(st.integers(0, 4)))
    does = operations(names, undo=undo)
    dispatchers = [draw(specs(name, does)) for name in names]
    stop = {
        "do": "shutdown",
        "at": draw(SECONDS),
        "exit_code": draw(st.integers(0, 3)),
        "fast": draw(st.integers(0, 1)),
        "wakes": draw(st.booleans()),
    }
    events = [stop, *draw(st.lists(_events(names, undo), max_size=3))]
    if undo:  # a world that took its stop back needs another; each hook takes back one at most
        events += [{**stop, "at": 1_000.0 * number, "fast": 1} for number in range(1, 8)]
    events.sort(key=lambda event: event["at"])
    return {
        "dispatchers": dispatchers,
        "events": events,
        "poll_step": draw(st.none() | st.sampled_from([0.25, 0.4])),
    }


@st.composite
def _events(draw: st.DrawFn, names: list[str], undo: bool) -> Spec:
    at = {"at": draw(SECONDS), "wakes": draw(st.booleans())}
    kind = draw(st.sampled_from(["close"] * bool(names) + ["add", "hurry"] + ["resume"] * undo))
    if kind == "close":
        return {**at, "do": "close", "who": draw(st.sampled_from(names))}
    if kind == "add":
        return {**at, "do": "add", "spec": draw(specs("late", st.just(["close", "self"])))}
    if kind == "hurry":
        return {**at, "do": "shutdown", "exit_code": 1, "fast": 1}
    return {**at, "do": "resume"}


@st.composite
def patiences(draw: st.DrawFn) -> Patience:
    """Every combination that `Patience` takes."""
    minimum = draw(st.sampled_from([0.0, 0.0, 0.75]))
    return Patience(
        phase=draw(st.sampled_from([0.0, 0.5, 3.0, 30.0])),
        fast=draw(st.sampled_from([0.0, 1.0])),
        # A minimum that the deadline would cut is refused, see test_sequence.py.
        deadline=draw(st.none() | st.sampled_from([1.25, 6.0] + [0.0] * (not minimum))),
        withdraw_minimum=minimum,
        withdraw_maximum=draw(st.none() | st.sampled_from([0.75, 2.5])),
    )


def participants(world: World) -> list[ScriptedDispatcher]:
    """Everybody who ever was in the map and has the hook."""
    return [each for each in world.ever if isinstance(each, ScriptedDispatcher)]


def phases_entered(world: World) -> list[int]:
    """The phases in the order the world saw them; 0 is an undo."""
    return [row[1] for row in world.rows if row[2:] == ["*", "phase"]]
