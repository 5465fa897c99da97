"""What `d` shows: where a Lifetime stands, who holds it, and what the application adds.

Made in the waiter's thread while the loop goes on, or does not: only single steps of lists and
dictionaries are relied on, nothing is changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from lifetime import Lifetime, Phase

#: Holders that the text names, the longest first; the JSON has more.
SHOWN = 10
MAX_HOLDERS = 1000

Section = Mapping[str, Any]


def checked(section: Section) -> Section:
    """What an application adds, if it can be shown.  Raises TypeError, ValueError for the rest."""
    if not isinstance(section, Mapping):
        raise TypeError(f"a section of the display is {section!r}; return a dictionary")
    for key in section:
        if not isinstance(key, str):
            raise TypeError(f"a key of a section is {key!r}; give a string")
    json.dumps(dict(section), default=str)
    return section


def status(
    life: Lifetime,
    name: str,
    began: float,
    sections: Iterable[Section],
    withdrawn: bool = False,
) -> dict[str, Any]:
    """Everything there is to show, in plain lists, dicts, strings and numbers.

    name: of the server; began: when it did, on the Lifetime's clock, in seconds.
    sections: what the application adds; a key of ours is not replaced.
    withdrawn: an operator has withdrawn it, and it does not stop yet.
    """
    now = life.clock()
    sequence = life.sequence
    phase = life.phase
    since = began if sequence is None else sequence.entered
    shown: dict[str, Any] = {
        "name": name,
        "pid": os.getpid(),
        "state": _state(life, withdrawn),
        "phase": int(phase),
        "phase_name": phase.name.lower(),
        "seconds_in_phase": round(max(now - since, 0.0), 3),
        "patience_left": None if sequence is None else round(sequence.remaining(now), 3),
        "held_by": _holders(life, now),
        "stuck": life.thread is not None and life.is_stuck(),
        "uptime": round(max(now - began, 0.0), 3),
        "timers": len(life.timers),
        "exit_code": life.exit_code,
    }
    for section in sections:
        for key, value in section.items():
            shown.setdefault(key, value)
    return shown


def _state(life: Lifetime, withdrawn: bool) -> str:
    if life.phase is Phase.RUNNING:
        return "running" if life.thread is not None else "not running yet"
    if withdrawn:
        return "withdrawn"
    return "ended" if life.phase is Phase.TERMINATED else "stopping"


def _holders(life: Lifetime, now: float) -> list[dict[str, Any]]:
    held = sorted(life.vetoes, key=lambda holding: holding.since)[:MAX_HOLDERS]
    return [
        {
            "owner": each.owner,
            "reason": each.reason,
            "seconds": round(max(now - each.since, 0.0), 3),
            "eta": each.eta,
        }
        for each in held
    ]


def as_json(shown: dict[str, Any]) -> list[str]:
    """One line."""
    return [json.dumps(shown, default=str)]


def as_text(shown: dict[str, Any]) -> list[str]:
    """A few lines for a person."""
    what = f"{shown['name'] or 'server'} is {shown['state']}, process {shown['pid']}"
    phase = (
        f"phase {shown['phase']} {shown['phase_name']} for {seconds(shown['seconds_in_phase'])}"
    )
    if shown["patience_left"] is not None:
        phase += f", {seconds(shown['patience_left'])} of patience left"
    lines = [what, phase]
    if shown["stuck"]:
        lines.append("the loop does not come back from a handler")
    holders = shown["held_by"]
    lines += [
        f"held for {seconds(each['seconds'])} by {each['owner']}: {each['reason']}"
        for each in holders[:SHOWN]
    ]
    if len(holders) > SHOWN:
        lines.append(f"and by {len(holders) - SHOWN} more")
    lines.append(f"uptime {seconds(shown['uptime'])}, timers {shown['timers']}")
    lines += [
        f"{key.replace('_', ' ')} {_in_words(value)}"
        for key, value in shown.items()
        if key not in _OURS
    ]
    return lines


#: What the text says in sentences of its own.
_OURS = frozenset(
    {
        "name",
        "pid",
        "state",
        "phase",
        "phase_name",
        "seconds_in_phase",
        "patience_left",
        "held_by",
        "stuck",
        "uptime",
        "timers",
        "exit_code",
    }
)


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_in_words(each)}" for key, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_in_words(each) for each in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def seconds(value: float) -> str:
    """A duration as a person says it: `12.3 s`, `4 min 5 s`, `3 h 2 min`, `5 d 1 h`."""
    if value < 60:
        return f"{value:.1f} s"
    whole = round(value)
    for unit, name, smaller, its_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // smaller} {its_name}"
    return f"{whole} s"
