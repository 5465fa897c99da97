"""A run as a sequence chart in text: everybody from left to right, time from top to bottom.

There is a lifeline for as long as somebody is there.  Stops, connections and bytes are arrows, a
pass of the loop through all dispatchers is one row, a phase is a bar.  However long the run, the
chart has a bounded size: those who do least share a column, and the middle is folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lifetime.testing.laws import Breach
from lifetime.testing.telling.clause import TOLERANCE
from lifetime.testing.telling.narrator import unremarkable
from lifetime.testing.telling.scribe import Scribe
from lifetime.testing.telling.stage import MARGIN, OPERATOR, Stage, folded
from lifetime.testing.trace import Did, Entry


def chart(trace: Iterable[Entry], width: int = 100, breach: Breach | None = None) -> str:
    """Draw a run.  The same run gives the same chart.

    width: columns of text, which no line exceeds; below LEAST_WIDTH (see stage.py) it is that.
    breach: to be marked where it was found.
    """
    entries = list(trace)
    hidden = unremarkable(entries, breach)
    entries = [entry for entry in entries if entry.who not in hidden]
    stage = _set_up(entries, width)
    scribe = Scribe(stage, entries)
    for entry in entries:
        if breach is not None and entry.at > breach.at + TOLERANCE:
            scribe.mark(breach)
            breach = None
        scribe.see(entry)
    if breach is not None:
        scribe.mark(breach)
    lines = stage.heading()
    time = ""
    for row in folded(scribe.rows):
        now = f"{row.at:{MARGIN - 2}.3f}"
        line = stage.draw(row)
        lines.append(line if now == time or row.kind == "fold" else now + line[len(now) :])
        time = now
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _set_up(entries: Sequence[Entry], width: int) -> Stage:
    """Columns for all who take part, the widest view for those with something to show."""
    clients: dict[str, int] = {}
    members: dict[str, int] = {}
    for entry in entries:
        if entry.who.startswith("client "):
            clients[entry.who] = clients.get(entry.who, 0) + 1
        elif entry.did is Did.JOINED:
            members.setdefault(entry.who, 1)
        elif entry.who in members:
            agrees = entry.did is Did.ASKED and entry.data.get("answer") is None
            members[entry.who] += not agrees
    return Stage(clients, members, any(entry.who == OPERATOR for entry in entries), width)
