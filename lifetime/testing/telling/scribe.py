"""Makes the rows of a sequence chart: what each entry of a trace looks like there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lifetime.testing.laws import Breach
from lifetime.testing.laws.law import handlers_of
from lifetime.testing.telling.stage import LOOP, OPERATOR, Row, Stage
from lifetime.testing.telling.words import phase_name, plural, quote, seconds
from lifetime.testing.trace import Did, Entry


class Scribe:
    """Writes down row by row; `see` must see every entry, in order.

    entries: the same, to know beforehand who serves which connection.
    """

    def __init__(self, stage: Stage, entries: Sequence[Entry]) -> None:
        self.rows: list[Row] = []
        self._stage = stage
        self._there = Counter({stage.column(LOOP): 1})
        if OPERATOR in stage.columns:
            self._there[stage.column(OPERATOR)] += 1
        self._channels: dict[object, str] = {}  # connection: who serves it
        self._clients: dict[object, str] = {}
        self._doors: dict[object, str] = {}  # connection: who accepted it
        for entry in entries:
            connection = entry.data.get("connection")
            if entry.did is Did.CONNECT:
                self._clients[connection] = entry.who
            elif entry.did in (Did.READ, Did.WRITE, Did.CLOSE):
                self._channels[connection] = entry.who
            elif entry.did is Did.ACCEPT:
                self._doors[connection] = entry.who
        # Where those knocked whom nobody let in, if there is only one door.
        doors = set(self._doors.values())
        self._door = doors.pop() if len(doors) == 1 else LOOP
        self._sent: dict[object, Row] = {}  # connection: the arrow for what was sent last
        self._sizes: dict[object, int] = {}  # and how many bytes that was
        self._heard: set[tuple[str, str]] = set()  # whose words are in this row; "": it was asked
        self._begun: set[tuple[object, object]] = set()
        self._tellers: dict[Did, Callable[[Entry], object]] = handlers_of(self)

    def see(self, entry: Entry) -> None:
        """The next entry; some need no row."""
        teller = self._tellers.get(entry.did)
        if teller is not None:
            teller(entry)
        elif entry.did in _NOTES:
            self._note(entry, _NOTES[entry.did](entry))

    def mark(self, breach: Breach) -> None:
        """Here it was found."""
        self._row(breach.at, "bar", f"law {breach.law} is broken here", line="*")

    # Rows.

    def _row(self, at: float, kind: str, text: str, start: int = 0, end: int = 0,
             line: str = "─") -> Row:  # fmt: skip
        self._heard.clear()
        alive = frozenset(column for column, many in self._there.items() if many > 0)
        self.rows.append(Row(at, kind, alive, text, start, end, line=line))
        return self.rows[-1]

    def _bar(self, entry: Entry, text: str, line: str = "═") -> None:
        self._row(entry.at, "bar", text, line=line)

    def _note(self, entry: Entry, text: str) -> None:
        stage = self._stage
        self._row(entry.at, "note", stage.label(entry.who, text), stage.column(entry.who))

    def _arrow(self, entry: Entry, start: str, end: str, text: str) -> Row:
        stage = self._stage
        # A name for the one that the columns do not tell.
        text = stage.label(start, stage.label(end, text) if start == LOOP else text)
        return self._row(entry.at, "arrow", text, stage.column(start), stage.column(end))

    def _word(self, entry: Entry, word: str, asked: bool = False) -> None:
        """A word in a column; in the same row as those of others, if there is room."""
        question = f"phase {entry.data.get('phase')}?" if asked else ""
        row = self.rows[-1] if self.rows else None
        again = (entry.who, word) in self._heard or (asked and (entry.who, "") in self._heard)
        fits = row is not None and (row.kind, row.at) == ("cells", entry.at) and not again
        if row is None or not fits or not _belongs(word, question, row):
            row = self._row(entry.at, "cells", "")
        self._heard |= {(entry.who, word), (entry.who, "")} if asked else {(entry.who, word)}
        row.cells.setdefault(self._stage.column(entry.who), Counter())[word] += 1
        if asked:
            row.asks, row.text = True, question

    # The operator and the loop.

    def on_stop(self, entry: Entry) -> None:
        """An arrow to the loop."""
        fast = "fast " if entry.data.get("fast") else ""
        self._arrow(entry, OPERATOR, LOOP, f"{fast}stop ({entry.data.get('by')})")

    def on_undo(self, entry: Entry) -> None:
        """The same."""
        vain = "" if entry.data.get("worked", True) else ", in vain"
        self._arrow(entry, OPERATOR, LOOP, f"undo{vain}")

    def on_phase(self, entry: Entry) -> None:
        """All across."""
        phase = entry.data["to"]
        self._bar(entry, f"phase {phase}, {phase_name(phase)}")

    def on_ended(self, entry: Entry) -> None:
        """All across."""
        how = "orderly" if entry.data.get("orderly", True) else "forced"
        self._bar(entry, f"the loop has returned, {how}")

    def on_hurried(self, entry: Entry) -> None:
        """All across."""
        left = entry.data.get("patience")
        self._bar(entry, "hurried" if left is None else f"hurried: {seconds(left)} left", "─")

    def on_failed(self, entry: Entry) -> None:
        """All across."""
        self._bar(entry, f"the loop FAILS: {quote(entry.data.get('error'))}")

    # The dispatchers.

    def on_joined(self, entry: Entry) -> None:
        """Here a lifeline begins."""
        self._word(entry, "joins")
        self._there[self._stage.column(entry.who)] += 1

    def on_left(self, entry: Entry) -> None:
        """Here it ends."""
        self._there[self._stage.column(entry.who)] -= 1
        by = entry.data.get("removed_by")
        if by:
            self._note(entry, f"is REMOVED by {by}")
        else:
            self._word(entry, "gone")

    def on_asked(self, entry: Entry) -> None:
        """All that answer in one pass are in one row."""
        word = {None: "ok", "veto": "VETO"}.get(entry.data.get("answer"), "RAISES")
        self._word(entry, word, asked=True)

    def on_listen(self, entry: Entry) -> None:
        """From here on it can be connected to."""
        self._word(entry, "listens")

    def on_accept(self, entry: Entry) -> None:
        """One connection less in the queue."""
        self._word(entry, "accepts")

    def on_deaf(self, entry: Entry) -> None:
        """It listens no more."""
        self._word(entry, "shut")
        if entry.data.get("queue"):
            self._note(entry, f"DROPS {plural(entry.data['queue'], 'connection')}")

    # Connections.

    def _channel(self, connection: object) -> str:
        return self._channels.get(connection, self._door)

    def _take_back(self, word: str, who: str) -> None:
        """If the last row has nothing but this word of somebody, what follows says it too."""
        column = self._stage.column(who)
        if self.rows and self.rows[-1].cells == {column: Counter({word: 1})}:
            self.rows.pop()

    def _client(self, connection: object) -> str:
        return self._clients.get(connection, LOOP)

    def on_write(self, entry: Entry) -> None:
        """One arrow for what goes out in one go."""
        connection = entry.data.get("connection")
        row = self._sent.get(connection)
        if row is None or self.rows[-1] is not row:
            row = self._sent[connection] = self._arrow(
                entry, entry.who, self._client(connection), ""
            )
            self._sizes[connection] = 0
        self._sizes[connection] += entry.data.get("size", 0)
        row.text = self._stage.label(entry.who, plural(self._sizes[connection], "byte"))

    def on_answer(self, entry: Entry) -> None:
        """What came with an arrow stands on it."""
        connection = entry.data.get("connection")
        final = ", the last" * bool(entry.data.get("final"))
        text = f"{quote(entry.data.get('status')) or 'answer'}{final}"
        row = self._sent.pop(connection, None)
        if row is not None and row.at == entry.at:
            row.text = f"{text}, {row.text}"
        else:
            asked = "has its answer" if entry.data.get("number") else "is told"
            self._note(entry, f"{asked}: {text}")

    def on_close(self, entry: Entry) -> None:
        """With what is lost by it."""
        connection, data = entry.data.get("connection"), entry.data
        lost = ["UNSENT"] * bool(data.get("unsent")) + ["WORKING"] * bool(data.get("working"))
        lost += ["UNREAD"] * bool(data.get("unread"))
        self._take_back("gone", entry.who)
        self._arrow(entry, entry.who, self._client(connection), ", ".join(["closes", *lost]))

    def on_connect(self, entry: Entry) -> None:
        """Here a client's lifeline begins."""
        self._there[self._stage.column(entry.who)] += 1
        door = self._doors.get(entry.data.get("connection"), self._door)
        self._arrow(entry, entry.who, door, "connects")

    def on_send(self, entry: Entry) -> None:
        """Bytes, until what follows gives them a name."""
        self._sends(entry, plural(entry.data.get("size", 0), "byte"))

    def on_request(self, entry: Entry) -> None:
        """A whole request, or the rest of one."""
        self._name(entry, "rest of " if self._request(entry) in self._begun else "")

    def on_begin(self, entry: Entry) -> None:
        """Half a request."""
        self._begun.add(self._request(entry))
        self._name(entry, "half of ")

    def on_half_close(self, entry: Entry) -> None:
        """The other direction stays open."""
        self._sends(entry, "no more to say")

    def _request(self, entry: Entry) -> tuple[object, object]:
        return entry.data.get("connection"), entry.data.get("number")

    def _sends(self, entry: Entry, text: str) -> Row:
        connection = entry.data.get("connection")
        row = self._arrow(entry, entry.who, self._channel(connection), text)
        if entry.did is Did.SEND:
            self._sent[entry.who] = row
        return row

    def _name(self, entry: Entry, part: str) -> None:
        """What was sent just now has a name."""
        row = self._sent.pop(entry.who, None)
        if row is None or self.rows[-1] is not row:
            row = self._sends(entry, "")
        row.text = self._stage.label(entry.who, f"{part}{quote(entry.data.get('name'))}")

    def on_end(self, entry: Entry) -> None:
        """Here it ends."""
        connection, owed = entry.data.get("connection"), entry.data.get("owed")
        without = f", {plural(owed, 'answer')} MISSING" if owed else ""
        how = "reset" if entry.data.get("how") == "reset" else "closed"
        if entry.data.get("by") == "client":
            text = "breaks off" if how == "reset" else "hangs up"
            self._arrow(entry, entry.who, self._channel(connection), f"{text}{without}")
        else:
            untold = ", unannounced" * bool(entry.data.get("untold"))
            self._note(entry, f"{how}{without}{untold}")
        self._there[self._stage.column(entry.who)] -= 1


def _size(entry: Entry) -> str:
    return plural(entry.data.get("size", 0), "byte")


def _belongs(word: str, question: str, row: Row) -> bool:
    """Whether the word may stand in this row.

    A row of answers is about one question, and beside them stand only those who go at once.
    """
    if row.asks and question and row.text != question:
        return False
    words = {word for words in row.cells.values() for word in words}
    return (bool(question) or word in _PARTING) == (row.asks or words <= _PARTING)


_PARTING = {"gone", "shut"}

#: What is a remark in somebody's column, and no more.
_NOTES: dict[Did, Callable[[Entry], str]] = {
    Did.SPIN: lambda entry: f"POLLS {entry.data.get('polls')} times, and no time passes",
    Did.HANG: lambda entry: "waits FOR EVER",
    Did.CLOCK: lambda entry: f"the wall clock is set by {seconds(entry.data.get('seconds', 0.0))}",
    Did.BLOCKED: lambda entry: f"SLEEPS for {seconds(entry.data.get('seconds', 0.0))}",
    Did.REFUSED: lambda entry: "is not let in",
    Did.SURPLUS: lambda entry: f"gets {_size(entry)} it never asked for",
    Did.CUT: lambda entry: f"its answer is CUT after {_size(entry)}",
    Did.HOLD: lambda entry: "reads no more",
    Did.READ_ON: lambda entry: "reads again",
    Did.TIMER: lambda entry: f"timer {quote(entry.data.get('name'))}",
    Did.THREAD: lambda entry: f"thread {quote(entry.data.get('name'))} {entry.data.get('state')}",
    Did.LEAK: lambda entry: f"left: {entry.data.get('kind')} {quote(entry.data.get('name'))}",
}
