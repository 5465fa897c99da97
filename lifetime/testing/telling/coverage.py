"""Which situations the runs of a check have reached: a law that was never tried is not kept.

What a run has reached is found out by witness.py; here it is counted, once for each run.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable

from lifetime.testing.telling.witness import Witness
from lifetime.testing.trace import Entry

#: What can be reached, and what it means.
SITUATIONS: dict[str, str] = {
    # Phases
    "phase 1 vetoed": "somebody held phase 1",
    "phase 2 vetoed": "somebody held phase 2",
    "phase 3 vetoed": "somebody held phase 3",
    "phase 1 timed out": "phase 1 was left although somebody held it",
    "phase 2 timed out": "phase 2 was left although somebody held it",
    "phase 3 timed out": "phase 3 was left although somebody held it",
    "phase 1 left with a latecomer": "somebody who joined in phase 1 was there when it ended",
    "phase 2 left with a latecomer": "somebody who joined in phase 2 was there when it ended",
    "phase 3 left with a latecomer": "somebody who joined in phase 3 was there when it ended",
    "several vetoes at once": "two or more held the same phase at the same time",
    "veto let go": "somebody who had held a phase agreed to leave it",
    "veto with an estimate": "a veto said how long it would last",
    "hook raised": "somebody raised an exception when asked",
    "left in a shutdown": "somebody left the map between stop and end",
    "removed by another": "somebody was removed from the map by somebody else",
    # The operator
    "stop while idle": "nothing was connected when the stop came",
    "stop by a signal": "a signal asked for the stop",
    "stop from a thread": "another thread asked for the stop",
    "stop in a request": "a dispatcher asked for the stop, in the middle of its work",
    "fast stop": "a stop that was fast from its beginning",
    "stop with an exit code": "a stop that asked for an exit code other than 0",
    "stopped twice": "a second request hurried the stop",
    "stopped three times": "a third request ended everything",
    "undone": "a stop was taken back",
    "undone too late": "a stop could not be taken back any more",
    "undone and stopped again": "after one stop was taken back, another came",
    "wall clock set": "somebody set the wall clock",
    "wall clock set in a shutdown": "somebody set the wall clock between stop and end",
    # What the stop finds
    "silent connection at the stop": "a client had connected and said nothing yet",
    "keep-alive connection idle at the stop": "a client had its answers and kept its connection",
    "request in flight at the stop": "a request was not answered yet",
    "request half sent at the stop": "the beginning of a request had been sent",
    "pipelined at the stop": "two or more requests of one connection were not answered yet",
    "slow reader at the stop": "a client to whom an answer was due did not read",
    "half closed at the stop": "a client had said that it would send no more",
    "connection in the accept queue at the stop": "nobody had accepted a client yet",
    # What comes in a shutdown
    "connected in phase 1": "a client connected in phase 1",
    "connected in phase 2": "a client connected in phase 2",
    "refused in a shutdown": "a client found nobody listening between stop and end",
    "connection in the accept queue at phase 2": "when phase 2 began, a client was not accepted",
    "accepted in phase 2": "a client was taken from the queue in phase 2",
    "entered draining with a request in flight": "when phase 3 began, a request was not answered",
    "requested in phase 1": "a request was sent in phase 1",
    "requested in phase 2": "a request was sent in phase 2",
    "requested in phase 3": "a request was sent in phase 3",
    "request completed in a shutdown": "the rest of a request came behind the stop",
    "answered in a shutdown": "an answer arrived behind the stop",
    "answered by a timer in a shutdown": "a timer wrote an answer behind the stop",
    "answered by a thread in a shutdown": "a thread's work led to an answer behind the stop",
    "close announced": "an answer announced that the connection would end",
    "request refused": "a request was answered with a refusal",
    "client hung up in a shutdown": "a client hung up before it had all its answers",
    "connection reset in a shutdown": "a client broke its connection between stop and end",
    "half closed in a shutdown": "a client said that it would send no more, behind the stop",
    "slow reader read on in a shutdown": "a client that did not read did so again",
    # The end
    "ended in good order": "nobody had to be closed by force",
    "ended by force": "somebody had to be closed by force",
}

#: Width of the longest bar, in columns.
BAR = 20


class Coverage:
    """Counts the runs that reached each situation.

    reached: situation: runs; runs: how many there were.
    """

    def __init__(self) -> None:
        self.reached: Counter[str] = Counter()
        self.runs = 0
        self._witness = Witness()

    def observe(self, entry: Entry) -> None:
        """The next entry of the present run."""
        self._witness.observe(entry)

    def run_ended(self) -> None:
        """Count what the run has reached."""
        self.runs += 1
        self.reached.update(self._witness.seen)
        self._witness.begin()

    def missing(self, wanted: Iterable[str]) -> list[str]:
        """Those that no run has reached.  Raises ValueError for one that does not exist."""
        names = list(wanted)
        for name in names:
            if name not in SITUATIONS:
                near = difflib.get_close_matches(name, SITUATIONS, 3, 0.4)
                hint = "`--coverage` and SITUATIONS list them"
                if near:
                    hint = f"did you mean {' or '.join(map(repr, near))}?"
                raise ValueError(f"there is no situation {name!r}; {hint}")
        return [name for name in names if not self.reached[name]]

    def in_order(self) -> dict[str, int]:
        """The runs that reached each, without those that none has; as SITUATIONS has them."""
        return {name: self.reached[name] for name in SITUATIONS if self.reached[name]}

    def table(self) -> str:
        """What was reached in how many runs, the most frequent first; and what never was."""
        width = max(map(len, SITUATIONS))
        digits = len(str(self.runs))
        # Those that are as frequent stay in the order of SITUATIONS.
        reached = [name for name in SITUATIONS if self.reached[name]]
        reached.sort(key=lambda name: -self.reached[name])
        lines = [f"Situations reached in {self.runs} run{'s' * (self.runs != 1)}:"]
        for name in reached:
            bar = "#" * max(round(BAR * self.reached[name] / max(self.runs, 1)), 1)
            lines.append(f"  {name:<{width}}  {self.reached[name]:>{digits}}  {bar}")
        never = [name for name in SITUATIONS if not self.reached[name]]
        if never:
            lines.append("Never reached:")
            lines += [f"  {name:<{width}}  {SITUATIONS[name]}" for name in never]
        return "\n".join(lines) + "\n"
