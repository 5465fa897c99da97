"""What a law is, and what it says when it is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from lifetime.testing.laws.situation import Situation
from lifetime.testing.trace import Did, Entry


@dataclass(frozen=True)
class Breach:
    """One law that was broken, and how.

    law: its number; sentence: who, when, in which phase, and what would be right; at: virtual
        seconds.
    """

    law: int
    sentence: str
    at: float


@dataclass(frozen=True)
class Allowances:
    """What no law holds against anybody, in virtual seconds.

    idle: from the stop to the end of a server for which nobody waits and that vetoes nothing.
    quiet: a veto may outlive by so much the last thing that happened.
    race: a request sent later than this behind the connection's last exchange may cross a close.
    asleep: the loop's thread may sleep so long at a time, once a stop was asked for.
    """

    idle: float = 0.5
    quiet: float = 5.0
    race: float = 1.0
    asleep: float = 0.05


#: What a law does with one kind of entry.
Check = Callable[[Entry], "Breach | None"]


class Law:
    """One law.  It judges an entry by the situation before it: what all entries so far have said.

    A subclass has an `on_...` method for each kind of entry that can break it: `on_phase` judges
    `Did.PHASE`.  What it does not claim is in docs/reference/laws.md.

    number, statement: as people quote it; kind: "safety" (something bad has happened) or
        "liveness" (something good has not).
    """

    number: ClassVar[int]
    statement: ClassVar[str]
    kind: ClassVar[str] = "safety"

    def __init__(self, situation: Situation, allowances: Allowances) -> None:
        self.situation = situation
        self.allowances = allowances
        self.checks: dict[Did, Check] = handlers_of(self)

    def observe(self, entry: Entry) -> Breach | None:
        """It has happened: does it break this law?"""
        check = self.checks.get(entry.did)
        return None if check is None else check(entry)

    def ended(self) -> Breach | None:
        """No more will happen: was something missing?"""
        return None

    def broken(self, at: float, what: str, right: str) -> Breach:
        """This law was broken.

        what: the main clause, without an end; right: what would be right, the same.
        """
        where = f"at {at:.3f} s, in phase {self.situation.phase}"
        return Breach(self.number, f"{what} {where}; {right}.", at)


def handlers_of(observer: object) -> dict[Did, Any]:
    """The methods `on_...` of an object, by the kind of entry that each is for."""
    kind: type = type(observer)
    return {did: getattr(observer, name) for did, name in _names_in(kind)}


@cache
def _names_in(kind: type) -> tuple[tuple[Did, str], ...]:
    """The same of a class, as names.  Each run has its own laws, so they are looked up often."""
    names = [(did, f"on_{did.name.lower()}") for did in Did]
    return tuple((did, name) for did, name in names if hasattr(kind, name))
