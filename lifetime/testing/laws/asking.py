"""Laws 2 and 8: everybody is asked, and nobody's treatment depends on the others."""

from __future__ import annotations

from lifetime.testing.laws.law import Breach, Law
from lifetime.testing.laws.situation import ROUNDING, Member
from lifetime.testing.trace import Entry


class EverybodyIsAsked(Law):
    """Law 2."""

    number = 2
    statement = (
        "Every dispatcher in the map is asked in every phase it lives through, at least once, with "
        "that phase's number."
    )

    def on_phase(self, entry: Entry) -> Breach | None:
        """The phase ends: who was in the map, and was not asked?"""
        phase = self.situation.phase
        if not 1 <= phase <= 3 or entry.data["to"] != phase + 1:
            return None
        for member in self.situation.overlooked(entry.at):
            what = f"{member.name} was never asked about phase {phase}, which ended"
            since = f"it was in the map since {member.joined:.3f} s"
            return self.broken(entry.at, what, f"{since}, so its answer counted")
        return None

    def on_wait(self, entry: Entry) -> Breach | None:
        """A pass collects every answer; it does not stop at the first veto."""
        situation, seconds = self.situation, entry.data["seconds"]
        if not 1 <= situation.phase <= 3 or not situation.questions:
            return None
        if seconds is not None and seconds <= ROUNDING:
            return None
        for member in situation.members.values():
            if member.has_hook and member.early and not member.asked:
                what = f"the loop went to wait without having asked {member.name}"
                return self.broken(entry.at, what, "everybody is asked, whoever vetoes before")
        return None

    def on_asked(self, entry: Entry) -> Breach | None:
        """One phase after the other; and whoever is asked answers."""
        asked, answer = entry.data["phase"], entry.data["answer"]
        member = self.situation.members.get(entry.who)
        if answer == "raised" and (member is None or member.own):
            what = f"{entry.who} raised {entry.data.get('reason') or 'an exception'} when asked"
            return self.broken(entry.at, what, "it answers, or its veto is lost")
        if member is None or asked > self.situation.phase:
            return None
        heard = max(member.heard, member.before)
        if asked <= heard + 1:
            return None
        what = f"{entry.who} was asked about phase {asked}"
        return self.broken(entry.at, what, f"it is told of phase {heard + 1} before that")


class Independence(Law):
    """Law 8: proved on the harness's bystanders, who do nothing to deserve it."""

    number = 8
    statement = (
        "One dispatcher's exception, veto, closing or joining changes nobody else's treatment."
    )

    def on_left(self, entry: Entry) -> Breach | None:
        """Bystanders leave by themselves."""
        by = entry.data.get("removed_by")
        if by is None or by == entry.who or self._bystander(entry.who) is None:
            return None
        if self.situation.phase > 3:
            return None  # the loop itself clears the map
        what = f"{by} took {entry.who} out of the map"
        return self.broken(entry.at, what, "everybody leaves it by itself")

    def on_phase(self, entry: Entry) -> Breach | None:
        """Bystanders are asked, whatever the others do."""
        phase = self.situation.phase
        if not 1 <= phase <= 3 or entry.data["to"] != phase + 1:
            return None
        for member in self.situation.overlooked(entry.at):
            if not member.own:
                what = f"{member.name} was never asked about phase {phase}, which ended"
                return self.broken(entry.at, what, "what others do does not take its turn away")
        return None

    def on_failed(self, entry: Entry) -> Breach | None:
        """An exception ends what has raised it, and not the loop."""
        what = f"{entry.data['error']} left the loop"
        return self.broken(entry.at, what, "one dispatcher's exception ends nobody else's service")

    def _bystander(self, name: str) -> Member | None:
        member = self.situation.members.get(name)
        return None if member is None or member.own else member
