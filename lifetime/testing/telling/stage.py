"""The paper that a sequence chart is drawn on: who has which column, and how a row looks.

Knows rows of text, and nothing of what they are about; what happened is chart.py's business.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

#: Rows below the names; what is more is left out, from the middle.
ROWS = 60

#: Columns of text: of the whole chart at least, before the lifelines, and of a lifeline at least.
LEAST_WIDTH = 60
MARGIN = 9
CELL = 11

#: Clients with a lifeline of their own.
CLIENTS = 3

#: What somebody says who is asked; other words of the same row stand behind it.
ANSWERS = ("ok", "VETO", "RAISES")

#: What need not be said beside another word.
IMPLIED_BY = {"gone": "shut", "joins": "listens"}

OPERATOR = "operator"
LOOP = "loop"
OTHER_CLIENTS = "other clients"
OTHERS = "others"


@dataclass
class Row:
    """One row of the chart.

    kind: "bar" and "fold" go all across, "arrow" from column `start` to column `end`, "note"
        stands at column `start`, "cells" are short words in several columns.
    alive: the columns with a lifeline; asks: whether the loop has asked those who have cells.
    line: what an arrow or a bar is drawn with; times: how often this happened in a row.
    """

    at: float
    kind: str
    alive: frozenset[int]
    text: str = ""
    start: int = 0
    end: int = 0
    cells: dict[int, Counter[str]] = field(default_factory=dict)
    asks: bool = False
    line: str = "─"
    times: int = 1

    def looks_like(self, other: Row) -> bool:
        """Whether it says the same."""
        return all(getattr(self, name) == getattr(other, name) for name in _LOOKS)


_LOOKS = ("kind", "alive", "text", "start", "end", "cells", "asks", "line")


class Stage:
    """Who has which column, and how a row looks.

    clients, members: in the order of their columns, with how much there is to show of each; those
        with the least share one column.
    operated: whether there is an operator.
    """

    def __init__(
        self, clients: Mapping[str, int], members: Mapping[str, int], operated: bool, width: int
    ) -> None:
        self.width = max(width, LEAST_WIDTH)
        room = (self.width - MARGIN) // CELL - operated - 1
        own_clients, crowd = _share(clients, min(CLIENTS, room // 2), OTHER_CLIENTS)
        own_members, rest = _share(members, room - len(own_clients + crowd), OTHERS)
        before = [OPERATOR] * operated + own_clients + crowd
        self.columns = [*before, LOOP, *own_members, *rest]
        self._cell = (self.width - MARGIN) // len(self.columns)
        self._numbers = dict.fromkeys(clients, len(before) - 1)
        self._numbers |= dict.fromkeys(members, len(self.columns) - 1)
        self._numbers |= {name: number for number, name in enumerate(self.columns)}

    def column(self, who: str) -> int:
        """Whose column it is; what has none is the loop's business."""
        return self._numbers.get(who, self._numbers[LOOP])

    def label(self, who: str, text: str) -> str:
        """The text, with a name where the column does not say whose it is."""
        if who not in self._numbers or self.columns[self._numbers[who]] == who:
            return text
        return f"{who} {text}"

    def heading(self) -> list[str]:
        """The names, each on as many lines as it needs."""
        names = [_broken(name, self._cell - 1) for name in self.columns]
        lines = []
        for row in range(max(map(len, names))):
            line = [" "] * self.width
            for column, parts in enumerate(names):
                above = max(map(len, names)) - len(parts)
                self._center(line, column, parts[row - above] if row >= above else "")
            lines.append("".join(line))
        return lines

    def draw(self, row: Row) -> str:
        """The row as text, without its time."""
        canvas = [" "] * self.width
        for column in row.alive:
            canvas[self._x(column)] = "│"
        text = row.text + f" x{row.times}" * (row.times > 1)
        if row.kind == "bar":
            length = self.width - MARGIN
            text = _cut(f"{row.line * 3} {text} ", length).ljust(length, row.line)
        if row.kind in ("bar", "fold"):
            self._put(canvas, MARGIN, _cut(text, self.width - MARGIN))
        elif row.kind == "note":
            self._note(canvas, row.start, text)
        elif row.kind == "arrow":
            self._arrow(canvas, row, text)
        else:
            self._cells(canvas, row, text)
        return "".join(canvas)

    def _arrow(self, canvas: list[str], row: Row, text: str) -> None:
        left, right = sorted((self._x(row.start), self._x(row.end)))
        if left == right:
            self._note(canvas, row.start, text)
            return
        length = right - left - 2  # without the head
        label = f" {_cut(text, length - 3)} "
        # Where there is hardly any room, the line is at the head.
        near = (length - len(label)) // 2 * row.line
        far = (length - len(near + label)) * row.line
        right_way = row.start < row.end
        shaft = f"{near}{label}{far}>" if right_way else f"<{far}{label}{near}"
        self._put(canvas, left + 1, shaft)

    def _cells(self, canvas: list[str], row: Row, text: str) -> None:
        if row.asks:
            start, end = self._x(self.column(LOOP)), self._x(max(row.cells))
            self._put(canvas, start, "─" * (end - start))
            self._center(canvas, self.column(LOOP), f" {text} ")
        for column, words in row.cells.items():
            several = max(words.values()) > 1
            # What was answered comes first; who is shut has gone, and who listens has joined.
            said = sorted(words, key=lambda word: (word not in ANSWERS, word))
            said = [word for word in said if IMPLIED_BY.get(word) not in words]
            told = ", ".join(f"{words[word]} {word}" if several else word for word in said)
            self._center(canvas, column, f" {_cut(told, self._cell - 2)} ")

    def _note(self, canvas: list[str], column: int, text: str) -> None:
        """At the right of a lifeline; or at its left, if there is more room."""
        x = self._x(column)
        right = self.width - x - 2
        if len(text) <= right or right >= x - MARGIN - 2:
            self._put(canvas, x, f"• {_cut(text, right)}")
        else:
            cut = _cut(text, x - MARGIN - 2)
            self._put(canvas, x - len(cut) - 1, f"{cut} •")

    def _x(self, column: int) -> int:
        return MARGIN + self._cell * column + self._cell // 2

    def _center(self, canvas: list[str], column: int, text: str) -> None:
        self._put(canvas, min(self._x(column) - len(text) // 2, self.width - len(text)), text)

    def _put(self, canvas: list[str], x: int, text: str) -> None:
        canvas[x : x + len(text)] = text[: self.width - x]


def folded(rows: Iterable[Row]) -> Iterator[Row]:
    """At most ROWS of them and the bars; what says the same several times in a row is one."""
    condensed: list[Row] = []
    for row in rows:
        if condensed and condensed[-1].looks_like(row):
            condensed[-1].times += 1
        else:
            condensed.append(row)
    head, tail = len(condensed), 0
    if len(condensed) > ROWS:
        head, tail = ROWS // 3, len(condensed) - (ROWS - ROWS // 3)
    left_out = 0
    for number, row in enumerate(condensed):
        if head <= number < tail and row.kind != "bar":
            left_out += 1
            continue
        if left_out:
            yield Row(row.at, "fold", frozenset(), f"… {left_out} rows are left out …")
            left_out = 0
        yield row


def _share(names: Mapping[str, int], room: int, shared: str) -> tuple[list[str], list[str]]:
    """Who gets a column, in the given order, and the column that the others share, if any."""
    if len(names) <= room:
        return list(names), []
    best = sorted(names, key=lambda name: -names[name])[: max(room - 1, 0)]
    return [name for name in names if name in best], [shared]


def _cut(text: str, length: int) -> str:
    """The text, no longer than there is room."""
    return text if len(text) <= length else f"{text[: max(length - 1, 0)]}…"[: max(length, 0)]


def _broken(name: str, length: int) -> list[str]:
    """A name on lines of at most so many characters, broken where its words begin."""
    lines = [""]
    for word in re.findall(r"[ _]?(?:[A-Z]+(?![a-z])|[A-Z]?[^A-Z _]+)|.", name):
        if len(lines[-1] + word) > length:
            lines.append("")
        lines[-1] += word if lines[-1] else word.lstrip()
    return [_cut(line, length) for line in lines if line]
