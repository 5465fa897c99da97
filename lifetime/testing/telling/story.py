"""A run told to people: the law that was broken, what happened, and what came of it.

Each event of the scenario is a numbered step; below it, indented, stands what server, loop and
clients did because of it.  What repeats itself is counted.  Only the trace is consulted.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from lifetime.testing.events import (
    Begin,
    Bystander,
    Connect,
    Event,
    Finish,
    HalfClose,
    HangUp,
    Hold,
    ReadOn,
    Reset,
    Scenario,
    Send,
    SetClock,
    Stop,
    Undo,
    Weather,
)
from lifetime.testing.laws import Breach
from lifetime.testing.telling.clause import TOLERANCE, Clause
from lifetime.testing.telling.narrator import Narrator, unremarkable
from lifetime.testing.telling.steps import WIDTH, Line, Step, layout
from lifetime.testing.telling.words import names, plural, seconds
from lifetime.testing.trace import Did, Entry

#: What an event was meant to do, for when nothing comes of it at once.
INTENTIONS: dict[type[Event], str] = {
    Connect: "client {client} is to connect",
    Send: "client {client} is to send a request",
    Begin: "client {client} is to send half a request",
    Finish: "client {client} is to send the rest of what it began",
    Hold: "client {client} is to read no more",
    ReadOn: "client {client} is to read again",
    HalfClose: "client {client} is to send no more",
    HangUp: "client {client} is to hang up",
    Reset: "client {client} is to break its connection",
    Stop: "a stop is to be asked for",
    Undo: "the stop is to be taken back",
    SetClock: "the wall clock is to be set",
    Bystander: "a bystander is to join",
}

#: The laws that demand that something happens, and are broken by waiting instead.
BROKEN_BY_WAITING = (4, 7)

#: What the harness says of the stop that no scenario asked for.
OF_ITS_OWN = "(the harness ends every run so)"

#: Who does what no client does; the others are the operator's.
_ACTORS: dict[type[Event], str] = {SetClock: "somebody", Bystander: ""}

#: What may go on while other things happen.
_LASTING = {Did.ASKED, Did.READ, Did.WRITE}

_SUBJECTS = {"loop": "the loop", "operator": "the operator", "world": "somebody"}


def story(scenario: Scenario, trace: Iterable[Entry], breach: Breach | None) -> str:
    """Tell a run.  The same run gives the same text; no line is longer than WIDTH."""
    entries = list(trace)
    hidden = unremarkable(entries, breach)
    teller = _Teller(scenario, entries)
    told_wait = _last_wait(entries, breach)
    for entry in entries:
        # That time passes can be seen from the times; a wait is told only where it was wrong.
        routine = entry.did is Did.WAIT and entry is not told_wait
        if not routine and entry.who not in hidden:
            teller.hear(entry)
    steps = [step for step in teller.steps if step.number or step.event.clauses or step.lines]
    told = "\n".join(layout(steps, breach))
    parts = [_verdict(breach), _weather(scenario.weather), told, teller.ending()]
    return "\n\n".join(part for part in parts if part) + "\n"


class _Teller:
    """Makes steps and lines of entries."""

    def __init__(self, scenario: Scenario, entries: list[Entry]) -> None:
        self.steps = [Step(Line(0.0, 0), meant="the server is set up")]
        self._narrator = Narrator(entries)
        self._scenario = scenario
        self._stops = 0  # stops of the scenario that have not come yet
        self._last: dict[tuple[object, ...], Clause] = {}  # of each series, the one told last

    def hear(self, entry: Entry) -> None:
        """The next entry."""
        if entry.did is Did.EVENT:
            self._begin(entry)
            return
        if entry.did is Did.STOP:
            if not self._stops:
                line = Line(entry.at, self._narrator.phase)
                self.steps.append(Step(line, actor="the operator", remark=OF_ITS_OWN))
            self._stops = max(self._stops - 1, 0)
        clause = self._narrator.tell(entry)
        if clause is None or self._repeats(clause, entry):
            return
        clause.since = entry.at
        subject = _SUBJECTS.get(entry.who, entry.who)
        self.steps[-1].take(subject, clause, entry.at, self._narrator.phase)

    def _begin(self, entry: Entry) -> None:
        number, events = entry.data["number"], self._scenario.events
        event = events[number] if number < len(events) else Event()  # the factory's own
        self._stops += isinstance(event, Stop)
        # A step tells what came of its event; only who vetoes on is told where the veto began.
        self._last = {key: last for key, last in self._last.items() if key[0] is Did.ASKED}
        step = Step(Line(entry.at, self._narrator.phase), number + 1)
        client = getattr(event, "client", None)
        step.actor = f"client {client}" if client else _ACTORS.get(type(event), "the operator")
        step.meant = INTENTIONS.get(type(event), "something happens").format(client=client)
        self.steps.append(step)

    def _repeats(self, clause: Clause, entry: Entry) -> bool:
        """Count what only says again what was told before."""
        if not clause.series:
            if "connection" in entry.data:  # what is read and sent from here on is something new
                for did in (Did.READ, Did.WRITE):
                    self._last.pop((did, entry.data["connection"]), None)
            self._forget_momentary()
            return False
        last = self._last.get(clause.series)
        if last is None or last.key != clause.key:
            self._forget_momentary()
            self._last[clause.series] = clause
            return False
        if not last.many:  # who goes on agreeing is not worth a number
            last.repeat(clause.size, entry.at)
        return True

    def _forget_momentary(self) -> None:
        """What has no state, such as a timer's firing, is told anew when anything came between."""
        self._last = {key: last for key, last in self._last.items() if key[0] in _LASTING}

    def ending(self) -> str:
        """What was left open, and which events never came."""
        narrator = self._narrator
        told = [f"{who} vetoes phase {narrator.phase}" for who in narrator.vetoes]
        told += [f"{name} is not answered" for name in narrator.open.values()]
        lines = [f"Left open at the end: {names(told)}."] if told else []
        planned = len(self._scenario.events)
        missing = planned - sum(0 < step.number <= planned for step in self.steps)
        if 0 < missing < planned:  # events of a stepped world have no numbers
            lines.append(f"The run ended too early for {plural(missing, 'event')} of the scenario.")
        return "\n".join(wrapped for line in lines for wrapped in wrap(line, WIDTH))


def _last_wait(entries: list[Entry], breach: Breach | None) -> Entry | None:
    """The wait in which a law was broken, if it was one."""
    if breach is None or breach.law not in BROKEN_BY_WAITING:
        return None
    waits = [each for each in entries if each.did is Did.WAIT and each.at <= breach.at + TOLERANCE]
    return waits[-1] if waits and waits[-1].at >= breach.at - TOLERANCE else None


def _verdict(breach: Breach | None) -> str:
    """The law that was broken, in a sentence."""
    if breach is None:
        return "No law was broken."
    sentence = wrap(breach.sentence, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return "\n".join([f"Law {breach.law} is broken, at {seconds(breach.at)}:", *sentence])


def _weather(weather: Weather) -> str:
    """What the network and the clock are like, if not the best that can be."""
    told = [f"bytes travel for {seconds(weather.delay)}"] if weather.delay else []
    if weather.segment:
        told.append(f"they arrive in portions of at most {plural(weather.segment, 'byte')}")
    if weather.buffer != Weather().buffer:
        told.append(f"a socket takes {plural(weather.buffer, 'byte')} before it would block")
    told += ["a socket takes half of what it is given"] if weather.short_writes else []
    told += ["a socket is sometimes called ready in vain"] if weather.spurious else []
    told += ["listeners can keep new connections away"] if weather.filtered else []
    if weather.wall_speed != 1.0:
        told.append(f"the wall clock goes {weather.wall_speed:g} s in a second")
    return "\n".join(wrap(f"Conditions: {', '.join(told)}.", WIDTH)) if told else ""
