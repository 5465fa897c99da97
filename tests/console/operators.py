"""An operator as a source brings one, and a callback that remembers what it was given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lifetime.console import ECB, Console, threads, wait_any
from lifetime.console.answers import Answer
from lifetime.console.commands import Origin

PATIENCE = 20.0  # seconds; far above what any of this needs


class Operator:
    """Gives commands as a source does, and waits for each answer."""

    def __init__(self, console: Console) -> None:
        self.console = console
        threads.waiter.start()

    def __call__(self, line: str, origin: Origin | None = None) -> tuple[int, str]:
        return self.begin(line, origin)()

    def begin(self, line: str, origin: Origin | None = None) -> Callable[[], tuple[int, str]]:
        """Give it, and return the way to the answer."""
        given = ECB()
        answers: list[tuple[int, str]] = []

        def send(rc: int, lines: list[str]) -> None:
            answers.append((rc, "\n".join(lines)))
            given.post()

        threads.waiter.call(
            self.console.take_line,
            line.encode(),
            origin or Origin("socket", "operator", 17, 1000, 100),
            Answer(send),
        )

        def answer() -> tuple[int, str]:
            assert wait_any([given], PATIENCE)
            return answers[0]

        return answer


class Callback:
    """Remembers what it was called with, and does what it is told to."""

    def __init__(self, does: Callable[[dict[str, Any]], object] = lambda qedit: None) -> None:
        self.does = does
        self.args: list[tuple[Any, ...]] = []
        self.qedits: list[dict[str, Any]] = []
        self.thread: threading.Thread | None = None
        self.called = ECB()

    def __call__(self, args: tuple[Any, ...], qedit: dict[str, Any]) -> None:
        self.args.append(args)
        self.qedits.append(qedit)
        self.thread = threading.current_thread()
        self.called.post()
        self.does(qedit)

    @property
    def data(self) -> list[str]:
        return [qedit["data"] for qedit in self.qedits]


def taken_in() -> None:
    """Return when every command that was given before has come in."""
    done = ECB()
    threads.waiter.call(done.post)
    assert wait_any([done], PATIENCE)


def settle() -> None:
    """Return when every callback that was due has returned."""
    done = ECB()
    threads.waiter.call(threads.commands.submit, done.post)
    assert wait_any([done], PATIENCE)
