"""A status as one line of the terminal, redrawn in place; needs the extra `terminal`."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from servers.command.progress import BAR, NARROW, Status


class LiveLine:
    """One line at the bottom of the terminal, redrawn in place by `rich`."""

    def __init__(self) -> None:
        # Our timer redraws it, not a thread of rich's. Messages for standard error are let
        # through above the line, see error_log.py.
        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._live.start()

    def show(self, status: Status) -> None:
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(no_wrap=True)
        bar = ProgressBar(
            total=1.0,
            completed=status.fraction,
            width=BAR,
            complete_style="green",
            finished_style="green",
        )
        bars = [bar] if self._live.console.width >= NARROW else []
        for _ in bars:
            line.add_column(width=BAR)
        line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        line.add_row(status.title, *bars, Text(status.waiting))
        self._live.update(line, refresh=True)

    def close(self) -> None:
        self._live.stop()
