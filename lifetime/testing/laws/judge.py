"""The judge: shows every entry to every law and to the model, and then to the situation."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from lifetime.testing.laws.asking import EverybodyIsAsked, Independence
from lifetime.testing.laws.clients import NobodyIsClosedAtWork, NothingAcceptedIsLost
from lifetime.testing.laws.ending import (
    NobodyIsWaitedForInVain,
    NothingIsLeft,
    SameSeedSameTrace,
)
from lifetime.testing.laws.law import Allowances, Breach, Check, Law
from lifetime.testing.laws.model import Model
from lifetime.testing.laws.phases import LeftInTime, PhasesInOrder, TimeInPhase
from lifetime.testing.laws.situation import Situation
from lifetime.testing.trace import Did, Entry

#: All laws, by their numbers; of those that one entry breaks, the first is the most specific.
LAWS: dict[int, type[Law]] = {
    law.number: law
    for law in (
        PhasesInOrder,
        EverybodyIsAsked,
        TimeInPhase,
        LeftInTime,
        NothingAcceptedIsLost,
        NobodyIsClosedAtWork,
        NobodyIsWaitedForInVain,
        Independence,
        NothingIsLeft,
        SameSeedSameTrace,
    )
}


class Judge:
    """Judges one run, entry by entry.  Each law says once that it is broken.

    numbers: of the laws to judge by; None: all.
    breaches: what was found so far.
    """

    def __init__(
        self, numbers: Collection[int] | None = None, allowances: Allowances | None = None
    ) -> None:
        self.breaches: list[Breach] = []
        self.situation = Situation()
        chosen = [law for number, law in LAWS.items() if numbers is None or number in numbers]
        self._laws = [law(self.situation, allowances or Allowances()) for law in chosen]
        self._checks: dict[Did, list[Check]] = {}
        for law in self._laws:
            for did, check in law.checks.items():
                self._checks.setdefault(did, []).append(check)
        # Behind all laws, which say more of it: the model is there for what they overlook.
        self._model = Model()
        self._model_counts = {law.number for law in self._laws}

    def observe(self, entry: Entry) -> Breach | None:
        """It has happened: the first law that it breaks, unless that law was broken before."""
        found: Breach | None = None
        for check in self._checks.get(entry.did, ()):
            breach = check(entry)
            if breach is not None and self._note(breach):
                found = found or breach
        breach = self._model.observe(entry)
        if breach is not None and found is None and breach.law in self._model_counts:
            found = breach if self._note(breach) else None
        self.situation.observe(entry)
        return found

    def ended(self) -> Breach | None:
        """No more will happen: the first law that is broken by that."""
        found = None
        for law in self._laws:
            breach = law.ended()
            if breach is not None and self._note(breach):
                found = found or breach
        return found

    def _note(self, breach: Breach) -> bool:
        """Keep it if it is news."""
        if any(known.law == breach.law for known in self.breaches):
            return False
        self.breaches.append(breach)
        return True


def judge(
    entries: Iterable[Entry],
    numbers: Collection[int] | None = None,
    allowances: Allowances | None = None,
) -> list[Breach]:
    """Which laws a whole run has broken, in the order in which it did."""
    one = Judge(numbers, allowances)
    for entry in entries:
        one.observe(entry)
    one.ended()
    return one.breaches
