"""What the entries so far say: the phase, who is in the map, and who vetoes.

Knows no law.  The laws judge each entry by the situation before it, so none of them needs to keep
books of its own on what several of them ask.
"""

from __future__ import annotations

from dataclasses import dataclass

from lifetime.testing.laws.exchanges import Exchanges
from lifetime.testing.trace import Did, Entry

#: Seconds by which two times may differ and still be the same: sums of floats are rounded.
ROUNDING = 1e-6

#: Seconds behind which the loop keeps an estimate that is shorter.
MOMENT = 0.01

INFINITY = float("inf")

#: Signs of life: somebody comes or goes, bytes do, or a client does anything at all.
LIFE = frozenset(
    {
        *(Did.JOINED, Did.LEFT, Did.LISTEN, Did.DEAF, Did.ACCEPT, Did.READ, Did.WRITE, Did.CLOSE),
        *(Did.CONNECT, Did.REFUSED, Did.SEND, Did.REQUEST, Did.BEGIN, Did.ANSWER, Did.SURPLUS),
        *(Did.CUT, Did.END, Did.HOLD, Did.READ_ON, Did.HALF_CLOSE),
    }
)


@dataclass
class Member:
    """Somebody in the map.

    heard: the last phase it was told of since it joined; before: the same of its stays before.
    stays: it says that it answers until phase 4, and holds nobody.
    asked: the number of the question it answered last in this phase, 0: none; vetoed: the same of
        its last veto.  early: it joined before anybody was asked in this phase.
    veto: why it holds the phase, None: it does not; since, until: when that began, and when by its
        own estimate it ends.
    """

    name: str
    has_hook: bool
    own: bool
    joined: float
    stays: bool = False
    before: int = 0
    heard: int = 0
    asked: int = 0
    vetoed: int = 0
    early: bool = True
    veto: str | None = None
    since: float = 0.0
    until: float = 0.0

    def enter(self) -> None:
        """Another phase has begun."""
        self.asked = self.vetoed = 0
        self.early = True
        self.veto = None


class Situation:
    """What the entries so far say.

    entered: when the phase began; patience: seconds that it may take from then on, or since it was
        hurried; ends: when those are over, None: unknown; least: it lasts until then although
        nobody vetoes.
    stopped: when this shutdown was asked for, None: it was not.
    forced: the phase before this one was left because its patience had run out.
    questions: asked in this phase; asleep: seconds slept in the loop's thread in this phase.
    alive: when there was the last sign of life; stirred: when a timer or thread ran last.
    pending: what may still happen by itself, as the loop's last wait said.
    """

    def __init__(self) -> None:
        self.phase = 0
        self.entered = 0.0
        self.patience = INFINITY
        self.ends: float | None = float("inf")
        self.least = 0.0
        self.stopped: float | None = None
        self.forced = False
        self.members: dict[str, Member] = {}
        self.questions = 0
        self.asleep = 0.0
        self.alive = 0.0
        self.stirred = float("-inf")
        self.pending: tuple[str, ...] = ()
        self.exchanges = Exchanges()
        self._heard: dict[str, int] = {}  # by those who have left the map
        # The same names as in a law, so that a reader finds what an entry does by its kind.
        self._updates = {
            Did.STOP: self.on_stop,
            Did.PHASE: self.on_phase,
            Did.HURRIED: self.on_hurried,
            Did.JOINED: self.on_joined,
            Did.LEFT: self.on_left,
            Did.ASKED: self.on_asked,
            Did.WAIT: self.on_wait,
            Did.BLOCKED: self.on_blocked,
            Did.TIMER: self.on_stirred,
            Did.THREAD: self.on_stirred,
        }

    def observe(self, entry: Entry) -> None:
        """It has happened."""
        if entry.did in LIFE:
            self.alive = entry.at
        update = self._updates.get(entry.did)
        if update is not None:
            update(entry)
        self.exchanges.observe(entry)

    # What the laws ask

    def out_of_patience(self, at: float) -> bool:
        """Whether nothing holds the phase any more; also if nobody knows, or in a forced end."""
        if self.phase == 4:
            return self.forced
        return self.ends is None or at >= self.ends - ROUNDING

    def vetoing(self) -> list[Member]:
        """Who holds the phase."""
        return [each for each in self.members.values() if each.veto is not None]

    def overlooked(self, at: float) -> list[Member]:
        """Who was not asked in this phase, and could have been, now that it ends."""
        return [
            each
            for each in self.members.values()
            if each.has_hook and not each.asked and (each.early or each.joined < at)
        ]

    # What happens

    def on_stop(self, entry: Entry) -> None:
        """Only the first request begins a shutdown."""
        if self.stopped is None:
            self.stopped = entry.at

    def on_phase(self, entry: Entry) -> None:
        """Everybody begins anew; in phases 0 and 1 a whole shutdown does."""
        at, data = entry.at, entry.data
        self.forced = self.out_of_patience(at)
        self.phase = data["to"]
        self.entered = at
        patience = data.get("patience")
        self.ends = None if patience is None else at + patience
        self.least = at + (data.get("minimum") or 0.0)
        if self.phase != 4:  # what was seen there was decided before
            self.patience = INFINITY if patience is None else patience
        self.questions = 0
        self.asleep = 0.0
        for member in self.members.values():
            member.enter()
            if self.phase <= 1:
                member.heard = member.before = 0
        if self.phase <= 1:
            self._heard.clear()
        if self.phase == 0:
            self.ends, self.stopped = float("inf"), None
        elif self.stopped is None:
            self.stopped = at

    def on_hurried(self, entry: Entry) -> None:
        """Whoever is in a hurry does not care for a minimum either."""
        self.patience = entry.data["patience"]
        self.ends = entry.at + self.patience
        self.least = entry.at

    def on_joined(self, entry: Entry) -> None:
        """Somebody may leave the map and come back, under the same name."""
        who, data = entry.who, entry.data
        member = Member(who, data["has_hook"], data["own"], entry.at, bool(data.get("stays")))
        member.before = self._heard.get(who, 0)
        member.early = not self.questions
        self.members[who] = member

    def on_left(self, entry: Entry) -> None:
        """Who has left holds nobody."""
        member = self.members.pop(entry.who, None)
        if member is not None:
            self._heard[entry.who] = max(member.heard, member.before)

    def on_asked(self, entry: Entry) -> None:
        """Only an answer that concerns the current phase holds it."""
        self.questions += 1
        member = self.members.get(entry.who)
        if member is None:
            return  # it left the map in its hook
        data = entry.data
        member.heard = max(member.heard, data["phase"])
        if data["phase"] != self.phase:
            return
        member.asked = self.questions
        if data["answer"] != "veto":
            member.veto = None
            return
        member.vetoed = self.questions
        reason = data.get("reason") or "no reason given"
        if member.veto != reason:
            member.since = entry.at
        member.veto = reason
        eta = data.get("eta")
        member.until = entry.at + (0.0 if eta is None else max(eta, MOMENT))

    def on_wait(self, entry: Entry) -> None:
        """The loop is about to do nothing."""
        self.pending = tuple(entry.data.get("pending", ()))

    def on_blocked(self, entry: Entry) -> None:
        """Somebody slept in the loop's thread, so everybody else is late."""
        self.asleep += entry.data["seconds"]

    def on_stirred(self, entry: Entry) -> None:
        """A timer or a thread ran: whatever changes in this moment may be its doing."""
        self.stirred = entry.at
