"""Asks everyone who takes part in a shutdown, and remembers who was asked what.

Every answer is collected: any() over a generator would stop at the first veto, and then those
behind it would never learn which phase we are in.  Works on a snapshot of the map, because hooks
close sockets; whoever has left by its turn is skipped, whoever joins during a pass is asked in it,
and whoever joins late is first told of the phases it missed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from heapq import heappop, heappush, nsmallest
from itertools import count
from typing import Any

from lifetime.asyncore import ExitNow
from lifetime.phases import Phase, Veto, as_veto, name_of
from lifetime.poller import SocketMap
from lifetime.report import Report
from lifetime.sequence import ShutdownSequence

log = logging.getLogger("lifetime")

#: So often one pass looks for those who joined during it; behind that, hooks breed without end.
MAX_ROUNDS = 100

#: So many who veto are all asked again after every turn.
FEW = 64

#: Nobody is asked again sooner than this (seconds) for the sake of its own estimate.
SHORTEST_ESTIMATE = 0.01

#: Who takes part in every shutdown of this process without a descriptor, under numbers below 0:
#: protected blocks (protection/).  Any thread may add and remove.
guests: dict[int, Any] = {}


class Inquiry:
    """The asking in one shutdown.

    map: who takes part; sequence: which phase it is, and the ledger of vetoes; report: for errors.
    """

    def __init__(self, map: SocketMap, sequence: ShutdownSequence, report: Report) -> None:
        self.map = map
        self.sequence = sequence
        self.report = report
        self.news = False  # whether the vetoes changed since somebody last set this to False
        # By identity, for a participant need not be hashable; the reference keeps the id its own.
        self._heard: dict[int, tuple[Any, int]] = {}
        self._holders: dict[int, tuple[int, Any]] = {}  # who vetoes, with its descriptor
        self._order: dict[int, int] = {}  # in which order they began to
        self._counter = count()
        self._numbers: dict[int, int] = {}  # the holders' keys by descriptor
        self._estimates: list[tuple[float, int]] = []  # a heap of (when, whose key)
        self._estimated: dict[int, float] = {}  # the one entry that counts for each key

    def ask_everyone(self, now: float) -> bool:
        """One full pass, in map order.  True if somebody vetoes."""
        asked: dict[int, Any] = {}
        for _ in range(MAX_ROUNDS):
            newcomers = [entry for entry in self._everyone() if id(entry[1]) not in asked]
            if not newcomers:
                break
            for fd, participant in newcomers:
                if self.sequence.phase is Phase.RUNNING:
                    return False  # a hook has taken the shutdown back
                if id(participant) not in asked and self._takes_part(fd, participant):
                    asked[id(participant)] = participant
                    self._ask(fd, participant, now)
        for key in [key for key in self._heard if key not in asked]:
            del self._heard[key]
        self._forget_the_departed(now)
        return bool(self._holders)

    def _everyone(self) -> list[tuple[int, Any]]:
        """A snapshot: the map in its order, then the guests."""
        # Of copies: making the pairs may collect garbage, whose end may close a dispatcher.
        return [*self.map.copy().items(), *guests.copy().items()]

    def _takes_part(self, fd: int, participant: Any) -> bool:
        return self.map.get(fd) is participant or guests.get(fd) is participant

    def ask_again(self, now: float, touched: set[int], arrivals: Iterable[Any]) -> None:
        """Ask those whom it may concern.

        They are who joined, and of those who vetoed: who has left, to whom something happened in
        this turn (touched: descriptors), whose own estimate is over, and while they are few all.
        Asking a thousand after every event would take longer than what they wait for.
        """
        if len(self._holders) <= FEW:
            concerned = set(self._holders)
        else:
            concerned = {self._numbers[fd] for fd in touched if fd in self._numbers}
        concerned |= self._take_estimates(now)
        for key in sorted(concerned & self._holders.keys(), key=self._order.__getitem__):
            if self.sequence.phase is Phase.RUNNING:
                return
            fd, participant = self._holders.get(key, (-1, None))
            if participant is None:
                continue
            if self._takes_part(fd, participant):
                self._ask(fd, participant, now)
            else:
                self._release(key, now)
        for participant in arrivals:
            number: int | None = getattr(participant, "_fileno", None)
            _, heard = self._heard.get(id(participant), (None, 0))
            if number is None or self.map.get(number) is not participant:
                continue
            if heard < self.sequence.phase:
                self._ask(number, participant, now)

    def release_departed(self, touched: set[int], now: float) -> bool:
        """Of these descriptors, forget the holders that have left.  True if somebody vetoes still.

        For hooks that close others: nothing else would happen to those.
        """
        for key in [self._numbers[fd] for fd in touched if fd in self._numbers]:
            fd, participant = self._holders[key]
            if self.map.get(fd) is not participant:
                self._release(key, now)
        return bool(self._holders)

    def next_estimate(self) -> float:
        """When the first holder expects to let go; infinity if none says."""
        return self._estimates[0][0] if self._estimates else float("inf")

    def _take_estimates(self, now: float) -> set[int]:
        over: set[int] = set()
        while self._estimates and self._estimates[0][0] <= now:
            when, key = heappop(self._estimates)
            if self._estimated.get(key) == when:
                del self._estimated[key]
                over.add(key)
        return over

    def _note_estimate(self, key: int, when: float) -> None:
        """Ask again by then.  Who says the same after every turn does not fill the heap with it."""
        if when < self._estimated.get(key, float("inf")) - SHORTEST_ESTIMATE:
            self._estimated[key] = when
            heappush(self._estimates, (when, key))

    def tell_newcomers(self, now: float) -> None:
        """Before a phase ends against a veto: whoever joined since the last pass hears of it."""
        for fd, participant in self._everyone():
            _, heard = self._heard.get(id(participant), (None, 0))
            if heard < self.sequence.phase and self._takes_part(fd, participant):
                self._ask(fd, participant, now)

    def _ask(self, fd: int, participant: Any, now: float) -> None:
        if getattr(participant, "clean_shutdown_control", None) is None:
            return
        sequence = self.sequence
        key = id(participant)
        heard = self._heard[key][1] if key in self._heard else 0
        veto: Veto | None = None
        for phase in range(min(heard + 1, sequence.phase), sequence.phase + 1):
            current = phase == sequence.phase
            self._heard[key] = (participant, phase)
            veto = self._call(
                fd, participant, phase, max(now - sequence.entered, 0.0) if current else 0.0
            )
            if not self._takes_part(fd, participant):
                break  # it closed itself, perhaps on hearing of a phase that it had missed
        # A participant that has closed itself holds nobody, whatever it answered.
        if veto is None or not self._takes_part(fd, participant):
            self._release(key, now)
            return
        if key not in self._holders:
            self._order[key] = next(self._counter)
        self._holders[key] = (fd, participant)
        self._numbers[fd] = key
        self.news |= sequence.hold(key, name_of(participant), veto, now)
        if veto.eta is not None:
            self._note_estimate(key, now + max(veto.eta, SHORTEST_ESTIMATE))

    def _release(self, key: int, now: float) -> None:
        fd, _ = self._holders.pop(key, (-1, None))
        self._order.pop(key, None)
        self._estimated.pop(key, None)
        if self._numbers.get(fd) == key:
            del self._numbers[fd]
        self.news |= self.sequence.release(key, now)

    def _call(self, fd: int, participant: Any, phase: int, time_in_phase: float) -> Veto | None:
        try:
            return as_veto(participant.clean_shutdown_control(phase, time_in_phase))
        except ExitNow:
            raise
        except Exception as error:
            self._note_failure(participant, f"phase {phase}", error)
            try:
                participant.handle_error()  # in here: asyncore's asks for the error being handled
            except ExitNow:
                raise
            except Exception as second:
                self._note_failure(participant, "handle_error", second)
                self._take_out(fd, participant)
        return None

    def _take_out(self, fd: int, participant: Any) -> None:
        """Nobody can deal with it: nothing of it may be left at the end."""
        if self.map.get(fd) is participant:
            del self.map[fd]
        try:
            participant.close()
        except Exception as error:
            self._note_failure(participant, "close", error)

    def _note_failure(self, participant: Any, where: str, error: Exception) -> None:
        line = f"{name_of(participant)} failed in {where}: {type(error).__name__}: {error}"
        log.error("%s; it counts as no veto", line, exc_info=error)
        self.report.errors.append(line)

    def _forget_the_departed(self, now: float) -> None:
        for key, (fd, participant) in list(self._holders.items()):
            if not self._takes_part(fd, participant):
                self._release(key, now)

    def phase_entered(self) -> None:
        """The sequence has advanced: nobody holds the new phase yet."""
        self._holders.clear()
        self._order.clear()
        self._numbers.clear()
        self._estimates.clear()
        self._estimated.clear()

    def describe(self, now: float, most: int = 3) -> str:
        """Who holds the phase, in a line: at most so many by name, the longest first."""
        holdings = self.sequence.holdings.values()
        longest = nsmallest(most, holdings, key=lambda held: held.since)
        shown = [f"{held.owner} ({held.reason}, {now - held.since:.1f} s)" for held in longest]
        if len(holdings) > most:
            shown.append(f"and {len(holdings) - most} more")
        phase = self.sequence.phase
        spent = now - self.sequence.entered
        return (
            f"phase {int(phase)} {Phase(phase).name.lower()}, {spent:.1f} s: held by "
            + ", ".join(shown)
        )
