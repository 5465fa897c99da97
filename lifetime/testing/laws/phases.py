"""Laws 1, 3 and 4: the order of the phases, their time, and when they are left."""

from __future__ import annotations

from lifetime.testing.laws.law import Allowances, Breach, Law
from lifetime.testing.laws.situation import ROUNDING, Member, Situation
from lifetime.testing.trace import Entry

#: What may follow each phase.  In phase 1 a shutdown can be taken back, also before it is told.
NEXT = {0: (0, 1), 1: (0, 2), 2: (3,), 3: (4,), 4: ()}


class PhasesInOrder(Law):
    """Law 1, and what it is there for: in phases 0 and 1 nothing has closed yet."""

    number = 1
    statement = (
        "Phases are entered in the order 1, 2, 3, 4, each once; after an undo the next shutdown "
        "starts at 1 again."
    )
    _taken_back = False  # and phase 0 was not told yet
    _in_undo = False  # phase 0 was just told; a hook that caused it has still to return

    def on_phase(self, entry: Entry) -> Breach | None:
        """Forwards by one, or back from phase 1."""
        to, now = entry.data["to"], self.situation.phase
        self._taken_back, self._in_undo = False, to == 0
        if to in NEXT[now]:
            return None
        right = f"behind phase {now} comes phase {NEXT[now][-1]}" if NEXT[now] else "it was over"
        return self.broken(entry.at, f"the loop entered phase {to}", right)

    def on_undo(self, entry: Entry) -> Breach | None:
        """Behind phase 1 listeners have closed, so it is too late."""
        self._taken_back = entry.data["worked"]
        if not self._taken_back or self.situation.phase <= 1:
            return None
        right = "behind phase 1 it can only go on"
        return self.broken(entry.at, "the shutdown was taken back", right)

    def on_asked(self, entry: Entry) -> Breach | None:
        """About the current phase; newcomers before that about those which they have missed."""
        asked, now = entry.data["phase"], self.situation.phase
        in_undo, self._in_undo = self._in_undo, False
        member = self.situation.members.get(entry.who)
        what = f"{entry.who} was asked about phase {asked}"
        if self._taken_back:
            self._taken_back = False
            return self.broken(entry.at, what, "the shutdown was taken back, so phase 0 comes next")
        if in_undo and asked == 1:
            return None
        if asked > now:
            return self.broken(entry.at, what, "that phase was still to come")
        if asked < 1:
            return self.broken(entry.at, what, "that phase asks nobody anything")
        if asked < now and member is not None and asked <= member.heard:
            return self.broken(entry.at, what, f"it had heard of phase {member.heard} already")
        return None

    def on_deaf(self, entry: Entry) -> Breach | None:
        """Who listened from the beginning listens on until phase 2."""
        front = self.situation.exchanges.listening.get(entry.data["address"], False)
        if self.situation.phase > 1 or not front:
            return None
        what = f"{entry.who} stopped listening"
        return self.broken(entry.at, what, "listeners close in phase 2, for until then all serve")


class TimeInPhase(Law):
    """Law 3."""

    number = 3
    statement = (
        "time_in_phase starts at 0, never decreases within a phase, and is measured on a monotonic "
        "clock."
    )

    def __init__(self, situation: Situation, allowances: Allowances) -> None:
        super().__init__(situation, allowances)
        self._told: dict[str, float] = {}  # in this phase, the last time that each was told

    def on_phase(self, entry: Entry) -> None:
        """It starts at 0."""
        self._told.clear()

    def on_asked(self, entry: Entry) -> Breach | None:
        """Nothing but the time since the phase was entered; 0 for a phase that was missed."""
        situation, data = self.situation, entry.data
        told: float = data["time_in_phase"]
        what = f"{entry.who} was told that phase {data['phase']} is {told:.3f} s old"
        if data["phase"] != situation.phase:
            if told == 0.0 or data["phase"] > situation.phase or situation.phase == 0:
                return None
            return self.broken(entry.at, what, "of a phase that is over it is told 0")
        before = self._told.get(entry.who, 0.0)
        self._told[entry.who] = told
        if told < before:
            return self.broken(entry.at, what, f"before that it was told {before:.3f} s")
        # One pass has one time, also if somebody in it sleeps.
        spent = entry.at - situation.entered
        if spent - situation.asleep - ROUNDING <= told <= spent + ROUNDING:
            return None
        return self.broken(entry.at, what, f"it was {spent:.3f} s old")


class LeftInTime(Law):
    """Law 4."""

    number = 4
    statement = (
        "A phase is left only after a full pass without a veto, or when its patience or the "
        "deadline has run out, and then at once."
    )

    def on_phase(self, entry: Entry) -> Breach | None:
        """Not too early, and not too late."""
        situation, at = self.situation, entry.at
        phase, ends = situation.phase, situation.ends
        if not 1 <= phase <= 3 or entry.data["to"] != phase + 1 or ends is None:
            return None
        if at > ends + situation.asleep + ROUNDING:
            late = f"phase {phase} was left {at - ends:.3f} s behind its patience"
            return self.broken(at, late, "it ends in the moment in which patience does")
        if situation.out_of_patience(at) or not situation.members:
            return None
        what = f"phase {phase} was left"
        for member in situation.vetoing():
            why = f"{member.name} vetoed ({member.veto}), and {_left(ends - at)}"
            return self.broken(at, what, why)
        if at < situation.least - ROUNDING:
            return self.broken(at, what, f"it lasts until {situation.least:.3f} s, its minimum")
        for vetoed, unasked in self._not_asked_again():
            why = f"{unasked} was not asked again after the veto of {vetoed}"
            return self.broken(at, what, f"{why}, so there was no full pass without one")
        return None

    def _not_asked_again(self) -> list[tuple[str, str]]:
        """Who vetoed last, and who was not asked since then."""
        members: list[Member] = [each for each in self.situation.members.values() if each.asked]
        last = max(members, key=lambda each: each.vetoed, default=None)
        if last is None:
            return []
        return [(last.name, each.name) for each in members if each.asked < last.vetoed]

    def on_wait(self, entry: Entry) -> Breach | None:
        """It waits for somebody, and never longer than for the end of patience."""
        situation, at = self.situation, entry.at
        if not 1 <= situation.phase <= 3 or situation.ends is None:
            return None
        seconds = entry.data["seconds"]
        until = float("inf") if seconds is None else at + seconds
        if until <= at + ROUNDING:
            return None
        vetoing = situation.vetoing()
        ends = situation.ends if vetoing else min(situation.least, situation.ends)
        if until <= ends + ROUNDING:
            return None
        what = f"the loop went to wait until {until:.3f} s"
        if vetoing:
            return self.broken(at, what, f"patience ends at {ends:.3f} s, and the phase with it")
        nobody = "nobody vetoed" if situation.questions else "nobody had been asked yet"
        if situation.least > at:
            return self.broken(at, what, f"{nobody}, and the phase lasts only until {ends:.3f} s")
        return self.broken(at, what, f"{nobody}, so the phase ends at once")


def _left(seconds: float) -> str:
    return f"{seconds:.3f} s of patience were left"
