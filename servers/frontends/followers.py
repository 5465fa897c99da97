"""Followers: who sends us traffic, and which of them were seen to act since we asked for an end.

A ledger of names and times, which knows no dialect.  Whoever asks how we are is *seen*; who is
seen twice, or is vouched for, is a follower: a datagram's sender may be forged, and one look by a
person with a browser is no front end.  Evidence counts only while a withdrawal goes on.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Names kept at most, of followers and of those seen once; the oldest go.
MAX_NAMES = 256

#: Who was seen in so many seconds before the withdrawal, or since, is waited for.
REMEMBER = 60.0

#: Seconds in which a front end acts on what it was just told, and what it had begun to send comes.
SETTLE = 0.1

#: Who does not come for so many times its longest interval, and a second, does not come any more.
INTERVALS = 3
SLACK = 1.0


@dataclass
class Follower:
    """What is known of one.

    last: when it was seen last; interval: the longest between two sightings, None if there was one.
    answers, fall: draining answers that it got, and how many it takes to act on them.
    acted: when it has acted, or will have.
    silence: it acts by asking no more for so long; counted from `silent_from`.
    """

    last: float
    interval: float | None = None
    vouched_for: bool = False
    answers: int = 0
    fall: int = 0
    acted: float | None = None
    silence: float | None = None
    silent_from: float = 0.0

    def forget_evidence(self) -> None:
        """It has not acted, as far as we know."""
        self.answers = self.fall = 0
        self.acted = self.silence = None

    @property
    def gone_by(self) -> float:
        """When it counts as gone, if nothing more is heard of it; infinity: never."""
        moments = []
        if self.acted is not None:
            moments.append(self.acted)
        if self.silence is not None:
            moments.append(max(self.last, self.silent_from) + self.silence)
        if self.interval is not None:
            moments.append(self.last + INTERVALS * self.interval + SLACK)
        return min(moments, default=float("inf"))


class Followers:
    """The front ends of one server.  No socket, no clock: `now` is in seconds, and monotonic.

    remember, settle: seconds, see REMEMBER and SETTLE.
    """

    def __init__(self, remember: float = REMEMBER, settle: float = SETTLE) -> None:
        self.remember = remember
        self.settle = settle
        self.withdrawn: float | None = None  # since when we ask for an end; None: we do not
        self._followers: dict[str, Follower] = {}  # the one seen last is at the end
        self._seen_once: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._followers)

    def __contains__(self, name: object) -> bool:
        return name in self._followers

    # What was observed

    def seen(self, name: str, now: float, *, vouched_for: bool = False) -> None:
        """It has asked how we are.

        vouched_for: it is configured, or otherwise known to be a front end: once is enough.
        """
        follower = self._followers.pop(name, None)
        if follower is None:
            before = self._seen_once.pop(name, float("-inf"))
            if not vouched_for and now - before > self.remember:
                self._seen_once[name] = now
                if len(self._seen_once) > MAX_NAMES:
                    del self._seen_once[next(iter(self._seen_once))]
                return
            follower = Follower(before)
        interval = now - follower.last
        if interval <= self.remember:  # a longer one is an absence
            follower.interval = max(interval, follower.interval or 0.0)
        follower.last = now
        follower.vouched_for |= vouched_for
        self._followers[name] = follower
        if len(self._followers) > MAX_NAMES:
            self._forget_one()

    def acted(self, name: str, now: float) -> None:
        """It was seen to send nothing new any more."""
        follower = self._concerned(name)
        if follower is not None and (follower.acted is None or now < follower.acted):
            follower.acted = now

    def acting(self, name: str, now: float) -> None:
        """It has just been told, in a way that it obeys: it will have acted in a moment."""
        self.acted(name, now + self.settle)

    def answered_draining(self, name: str, now: float, fall: int = 3) -> None:
        """It was answered that we are draining; it acts on `fall` such answers."""
        follower = self._concerned(name)
        if follower is None:
            return
        follower.answers += 1
        follower.fall = fall
        if follower.answers >= fall:
            self.acting(name, now)

    def expects_silence(self, name: str, now: float, after: float) -> None:
        """It acts by asking no more: it has once nothing was heard of it for `after` seconds."""
        follower = self._concerned(name)
        if follower is not None:
            if follower.silence is None:
                follower.silent_from = now
            follower.silence = after

    def relapsed(self, name: str) -> None:
        """It was seen to send traffic again, or never to have ceased."""
        follower = self._followers.get(name)
        if follower is not None:
            follower.forget_evidence()

    # The withdrawal

    def withdraw(self, now: float) -> None:
        """Phase 1 begins: from now on evidence counts."""
        self._forget_evidence()
        self.withdrawn = now

    def resume(self, now: float) -> None:
        """The shutdown is taken back.  Who follows us is kept, what they did is forgotten."""
        self._forget_evidence()
        self.withdrawn = None

    def waited_for(self, now: float) -> list[str]:
        """Who was seen lately and has not acted; nobody outside a withdrawal."""
        return [name for name, _ in self._awaited(now)]

    def next_change(self, now: float) -> float | None:
        """Seconds until somebody is waited for no more although nothing happens; None: never."""
        first = min((each.gone_by for _, each in self._awaited(now)), default=float("inf"))
        return None if first == float("inf") else first - now

    def describe(self, name: str, now: float) -> str:
        """A follower's name and what it has done, in a few words for the operator."""
        return f"{name} {self._standing(self._followers[name], now)}"

    def overview(self, now: float) -> dict[str, str]:
        """What each follower has done.  Only reads, so any thread may ask."""
        followers = self._followers.copy().items()
        return {name: self._standing(follower, now) for name, follower in followers}

    def _standing(self, follower: Follower, now: float) -> str:
        if self.withdrawn is None:
            return f"was seen {now - follower.last:.1f} s ago"
        if follower.acted is not None:
            return "has acted" if now >= follower.acted else "is acting"
        if now >= follower.gone_by:
            return "does not ask any more"
        answers = f" ({follower.answers} of {follower.fall} draining answers)"
        return "has not acted yet" + (answers if follower.fall else "")

    def _awaited(self, now: float) -> list[tuple[str, Follower]]:
        if self.withdrawn is None:
            return []
        since = self.withdrawn - self.remember
        return [
            (name, follower)
            for name, follower in self._followers.items()
            if follower.last >= since and now < follower.gone_by
        ]

    def _concerned(self, name: str) -> Follower | None:
        """Of whom evidence is to be noted; None: nobody, or we do not ask for it."""
        return None if self.withdrawn is None else self._followers.get(name)

    def _forget_evidence(self) -> None:
        for follower in self._followers.values():
            follower.forget_evidence()

    def _forget_one(self) -> None:
        # No crowd of one kind drives out the other: of the larger kind the oldest goes.
        kinds: tuple[list[str], list[str]] = ([], [])
        for name, follower in self._followers.items():
            kinds[follower.vouched_for].append(name)
        del self._followers[max(kinds, key=len)[0]]
