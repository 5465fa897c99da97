"""Laws 7, 9 and 10: the end comes soon, leaves nothing behind, and comes the same way again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from lifetime.testing.laws.law import Allowances, Breach, Law
from lifetime.testing.laws.situation import ROUNDING, Member, Situation
from lifetime.testing.trace import Entry


class NobodyIsWaitedForInVain(Law):
    """Law 7."""

    number = 7
    statement = (
        "An idle server leaves in milliseconds; a busy one leaves when its slowest request does, "
        "not later."
    )
    kind = "liveness"

    def __init__(self, situation: Situation, allowances: Allowances) -> None:
        super().__init__(situation, allowances)
        self._busy = False  # somebody has vetoed in this shutdown, or phase 1 had a minimum

    def on_asked(self, entry: Entry) -> Breach | None:
        """A veto ends because something has happened."""
        situation, at = self.situation, entry.at
        member = situation.members.get(entry.who)
        if entry.data["answer"] == "veto":
            self._busy = True
            if member is None or not member.stays:
                return None
            what = f"{entry.who} vetoed ({entry.data.get('reason') or 'no reason given'})"
            return self.broken(at, what, "who answers until phase 4 holds nobody")
        if member is None or member.veto is None or situation.stirred >= at:
            return None
        if at <= member.until + ROUNDING:
            return None
        return self._in_vain(member, at, "it let go, and nothing had happened")

    def on_wait(self, entry: Entry) -> Breach | None:
        """Who vetoes waits for something that can still happen."""
        situation, at = self.situation, entry.at
        if not 2 <= situation.phase <= 3 or entry.data.get("pending"):
            return None
        for member in situation.vetoing():
            if at >= member.until:
                found = self._in_vain(member, at, "nothing is left for which it could wait")
                if found is not None:
                    return found
        return None

    def on_phase(self, entry: Entry) -> Breach | None:
        """Patience runs out over work, not over nothing; and an idle server does not linger."""
        situation, at, to = self.situation, entry.at, entry.data["to"]
        found = None
        if 1 <= situation.phase <= 3 and to == situation.phase + 1 and not situation.pending:
            for member in situation.vetoing():
                found = found or self._in_vain(member, at, "patience ran out over nothing")
        if to == 1:
            self._busy = bool(entry.data.get("minimum"))
            if situation.stopped is not None and at - situation.stopped > self.allowances.idle:
                late = f"the stop that was asked for at {situation.stopped:.3f} s began only"
                found = self.broken(at, late, "the loop notices it at once")
        elif to == 4 and not self._busy and situation.stopped is not None and found is None:
            spent = at - situation.stopped
            if spent > self.allowances.idle:
                what = f"the loop took {spent:.3f} s to end, for nobody, until"
                found = self.broken(at, what, f"{self.allowances.idle:g} s are plenty")
        return found

    def on_blocked(self, entry: Entry) -> Breach | None:
        """Who sleeps in the loop's thread makes everybody wait."""
        seconds = entry.data["seconds"]
        if self.situation.stopped is None or seconds <= self.allowances.asleep:
            return None
        what = f"{entry.who} slept for {seconds:.3f} s in the loop's thread"
        return self.broken(entry.at, what, "it returns at once, and vetoes until it is done")

    def on_spin(self, entry: Entry) -> Breach | None:
        """Who wants to write and does not, or to read and does not, keeps the loop busy."""
        what = "the loop polled again and again without any time passing"
        return self.broken(entry.at, what, "somebody is ready all the time and does nothing")

    def on_hang(self, entry: Entry) -> Breach | None:
        """Nothing will ever happen."""
        what = "the loop went to wait for ever"
        return self.broken(entry.at, what, "something wakes it, or it has ended")

    def _in_vain(self, member: Member, at: float, why: str) -> Breach | None:
        """It vetoes although all has been quiet for too long."""
        situation = self.situation
        silence = at - max(member.since, situation.alive)
        if not member.own or silence <= self.allowances.quiet or situation.exchanges.open():
            return None
        what = f"{member.name} still vetoed ({member.veto})"
        return self.broken(at, what, f"for {silence:.3f} s nobody had anything to do, and {why}")


class NothingIsLeft(Law):
    """Law 9."""

    number = 9
    statement = "At phase 4 nothing is left: no descriptor, thread, timer, socket file."

    def __init__(self, situation: Situation, allowances: Allowances) -> None:
        super().__init__(situation, allowances)
        self._left: list[Entry] = []

    def on_leak(self, entry: Entry) -> None:
        """One more; they are told together."""
        self._left.append(entry)

    def ended(self) -> Breach | None:
        """All that was left."""
        if not self._left:
            return None
        names = [f"{entry.data['kind']} {entry.data['name']}" for entry in self._left]
        what = f"behind the end there was still {', '.join(names)}"
        return self.broken(self._left[-1].at, what, "whoever has opened something closes it")


class SameSeedSameTrace(Law):
    """Law 10: no entry can break it, but two runs of the same scenario can."""

    number = 10
    statement = "The same seed gives the same trace."

    @staticmethod
    def compare(first: Iterable[Entry], second: Iterable[Entry]) -> Breach | None:
        """Where two runs of one scenario differ first."""
        for number, (one, other) in enumerate(zip_longest(first, second), 1):
            lines = ["the end" if each is None else each.as_json() for each in (one, other)]
            if lines[0] != lines[1]:
                what = f"the same scenario ran differently, from entry {number} on"
                sentence = f"{what}: first {lines[0]}, then {lines[1]}; both are the same."
                last = one or other
                return Breach(10, sentence, 0.0 if last is None else last.at)
        return None
