"""A reference model of the phases, on one page: which phase it is, and what keeps us in it.

It runs in step with the real loop.  What it is told is who came, who left, what each answered, and
how much patience there is; of the loop's passes and timers it knows nothing.  Nor does it share
code with the laws: two readings of one text are seldom wrong in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lifetime.testing.laws.law import Breach
from lifetime.testing.trace import Did, Entry

#: Seconds by which sums of floats may differ.
ROUNDING = 1e-6

#: Before everything else.
BEFORE = float("-inf")


@dataclass
class Guest:
    """Somebody in the map who has the hook.

    since: when it joined, if that was in the middle of this phase.
    answered, vetoed: the numbers of its last answer and of its last veto in this phase; 0: none.
    """

    since: float
    answered: int = 0
    vetoed: int = 0
    reason: str | None = None


class Model:
    """The phases as they should go.

    phase: where we are; least, most: until when it lasts at least and at most, in virtual seconds;
        most is None where nobody knows.
    """

    def __init__(self) -> None:
        self.phase = 0
        self.least = 0.0
        self.most: float | None = None
        self.slept = 0.0
        self.answers = 0
        self.guests: dict[str, Guest] = {}
        self.others: set[str] = set()  # in the map, without the hook

    def why_stay(self, at: float) -> str:
        """What keeps us in the phase; empty if it is over."""
        if self.most is None or at >= self.most - ROUNDING:
            return ""
        last_veto = 0
        for name, guest in self.guests.items():
            last_veto = max(last_veto, guest.vetoed)
            if guest.reason is not None:
                return f"{name} vetoes ({guest.reason})"
        if at < self.least - ROUNDING and (self.guests or self.others):
            return f"it lasts until {self.least:.3f} s at least"
        for name, guest in self.guests.items():
            # Who comes in the very last moment hears of it in the next phase.
            unasked = guest.answered < last_veto if guest.answered else guest.since < at
            if unasked:
                return f"{name} has still to be asked"
        return ""

    def observe(self, entry: Entry) -> Breach | None:
        """It has happened: does the loop do as it should?"""
        did, data = entry.did, entry.data
        if did is Did.ASKED:
            self._answer(entry.who, data)
        elif did is Did.WAIT:
            return self._wait(entry.at, data["seconds"])
        elif did is Did.PHASE:
            return self._enter(entry.at, data)
        elif did is Did.JOINED and data["has_hook"]:
            # Before anybody was asked is as good as from the beginning.
            self.guests[entry.who] = Guest(entry.at if self.answers else BEFORE)
        elif did is Did.JOINED:
            self.others.add(entry.who)
        elif did is Did.LEFT:
            self.guests.pop(entry.who, None)
            self.others.discard(entry.who)
        elif did is Did.HURRIED:
            self.least, self.most = entry.at, entry.at + data["patience"]
        elif did is Did.BLOCKED:
            self.slept += data["seconds"]
        return None

    def _answer(self, name: str, data: dict[str, Any]) -> None:
        """An answer counts for the phase that it was asked about, from who is still there."""
        self.answers += 1
        guest = self.guests.get(name)
        if guest is None or data["phase"] != self.phase:
            return
        guest.answered = self.answers
        guest.reason = None
        if data["answer"] == "veto":
            guest.vetoed = self.answers
            guest.reason = data["reason"] or "no reason given"

    def _enter(self, at: float, data: dict[str, Any]) -> Breach | None:
        phase, to = self.phase, data["to"]
        why, most = self.why_stay(at), self.most
        late = most is not None and at > most + self.slept + ROUNDING
        self.phase, self.slept, self.answers = to, 0.0, 0
        self.least = at + (data["minimum"] or 0.0)
        self.most = None if data["patience"] is None else at + data["patience"]
        self.guests = {name: Guest(BEFORE) for name in self.guests}
        if to != phase + 1 and not (to == 0 and phase <= 1):
            return _breach(1, at, f"entered phase {to}", f"it was in phase {phase}")
        if to == 0 or phase == 0:
            return None
        if late:
            return _breach(4, at, f"left phase {phase}", f"its patience ended at {most:.3f} s")
        return _breach(4, at, f"left phase {phase}", f"the phase goes on: {why}") if why else None

    def _wait(self, at: float, seconds: float | None) -> Breach | None:
        if not 1 <= self.phase <= 3 or self.most is None:
            return None
        until = float("inf") if seconds is None else at + seconds
        held = any(guest.reason is not None for guest in self.guests.values())
        end = self.most if held else min(self.least, self.most)
        if until <= max(at, end) + ROUNDING:
            return None
        return _breach(4, at, f"went to wait until {until:.3f} s", f"the phase ends at {end:.3f} s")


def _breach(law: int, at: float, what: str, model: str) -> Breach:
    return Breach(law, f"The loop {what} at {at:.3f} s; by the reference model {model}.", at)
