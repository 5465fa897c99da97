"""What was measured: kept by case and server, shown as tables or JSON."""

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.benchmarks.cases import Case


@dataclass(frozen=True)
class Round:
    """One server under one load.

    cpu: microseconds of the server's processor time per request.
    rate: requests per second.
    """

    cpu: float
    rate: float
    errors: str = ""


@dataclass
class Results:
    """Rounds by case and server, and what else was counted."""

    rounds: dict[str, dict[str, list[Round]]] = field(default_factory=dict)
    kib_per_idle: dict[str, list[float]] = field(default_factory=dict)
    calls: dict[str, dict[str, float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def add(self, case: str, server: str, one: Round) -> None:
        self.rounds.setdefault(case, {}).setdefault(server, []).append(one)
        if one.errors and f"{case}, {server}: {one.errors}" not in self.remarks:
            self.remarks.append(f"{case}, {server}: {one.errors}")

    def cpu(self, case: str, server: str) -> float | None:
        """The median of the rounds; None if there were none."""
        rounds = self.rounds.get(case, {}).get(server)
        return statistics.median(one.cpu for one in rounds) if rounds else None

    def rate(self, case: str, server: str) -> float | None:
        rounds = self.rounds.get(case, {}).get(server)
        return statistics.median(one.rate for one in rounds) if rounds else None

    def ratio(self, case: str, dividend: str, divisor: str) -> float | None:
        above, below = self.cpu(case, dividend), self.cpu(case, divisor)
        return above / below if above and below else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


TEXTS = {"case", "server", "calls", "aim"}  # columns of words; all others are numbers


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading; words are aligned left, numbers right."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    def plain(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = [self.title]
        for line in lines:
            cells = [
                cell.ljust(width) if name in TEXTS else cell.rjust(width)
                for name, cell, width in zip(self.columns, line, widths, strict=True)
            ]
            shown.append("  ".join(cells).rstrip())
        return "\n".join([*shown, ""])

    def markdown(self) -> str:
        rule = ["---" if name in TEXTS else "---:" for name in self.columns]
        lines = [f"| {' | '.join(line)} |" for line in (self.columns, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *lines, ""])


def number(value: float | None, form: str = ".1f") -> str:
    return "-" if value is None else format(value, form)


def tables(results: Results, cases: list[Case], servers: list[str]) -> Iterator[Table]:
    """What there is to show."""
    timed = [case for case in cases if not case.idle and case.name in results.rounds]
    if timed:
        yield cpu_table(results, timed, servers)
        yield rate_table(results, timed, servers)
    for case in cases:
        if case.idle:
            yield idle_table(results, case, servers)
        if case.traced and results.calls:
            rows = [[name, words(calls)] for name, calls in results.calls.items()]
            yield Table(f"System calls per request (aim: {case.aim})", ["server", "calls"], rows)


def cpu_table(results: Results, cases: list[Case], servers: list[str]) -> Table:
    ratios = [("ours", "limit"), ("waitress", "ours"), ("ours", "nginx")]
    ratios = [pair for pair in ratios if set(pair) <= set(servers)]
    columns = ["case", *servers, *(f"{above} / {below}" for above, below in ratios), "aim"]
    rows = []
    for case in cases:
        row = [case.name, *(number(results.cpu(case.name, server)) for server in servers)]
        row += [number(results.ratio(case.name, *pair), ".2f") for pair in ratios]
        rows.append([*row, case.aim])
    return Table("Server CPU, microseconds per request", columns, rows)


def rate_table(results: Results, cases: list[Case], servers: list[str]) -> Table:
    rows = []
    for case in cases:
        row = [number(results.rate(case.name, server), ",.0f") for server in servers]
        rows.append([case.name, *row])
    return Table("Requests per second", ["case", *servers], rows)


def idle_name(case: Case, count: int) -> str:
    return f"{case.name} {count}"


def idle_table(results: Results, case: Case, servers: list[str]) -> Table:
    columns = ["server", *(f"N={count}" for count in case.idle), "growth", "KiB each"]
    rows = []
    for server in servers:
        costs = [results.cpu(idle_name(case, count), server) for count in case.idle]
        if costs[0] is None:
            continue
        growth = costs[-1] / costs[0] if costs[-1] else None
        memory = results.kib_per_idle.get(server)
        kib = statistics.median(memory) if memory else None
        shown = [*map(number, costs), number(growth, ".2f"), number(kib)]
        rows.append([server, *shown])
    title = f"CPU microseconds per request beside N idle connections (aim: {case.aim})"
    return Table(title, columns, rows)


def words(calls: dict[str, float], least: float = 0.05) -> str:
    """`2.07: recvfrom 1.00, sendto 1.00, epoll_wait 0.06`; what is below `least` is not named."""
    named = [f"{name} {count:.2f}" for name, count in calls.items() if count >= least]
    return f"{sum(calls.values()):.2f}: {', '.join(named)}"
