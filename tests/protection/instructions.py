"""Does something at one instruction of a program: the n-th bytecode in it, or in what it calls."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import lifetime.protection

PACKAGE = str(Path(lifetime.protection.__file__).parent)


def in_asyncio(main: Callable[[list[str]], Coroutine[Any, Any, None]]) -> Any:
    """A program that runs this; outside of the coroutine its instructions do not count."""

    def program(done: list[str]) -> None:
        asyncio.run(main(done))

    return program


class Instructions:
    """Counts the instructions of a function in a file, and of protected blocks; acts at one.

    at: the number of the instruction before which `act()` is called; -1: never.
    What `act` raises is raised at that instruction, as from a signal handler that runs there.
    """

    def __init__(self, file: str, at: int = -1, act: Callable[[], object] = lambda: None) -> None:
        self.file = file
        self.at = at
        self.act = act
        self.count = 0
        self.where = ""

    def run(self, function: Callable[[], object]) -> None:
        """Call it.

        In a generator, which has an exception state of its own: what we raise where the interpreter
        never would, such as at the begin of an `except`, would otherwise be handled for ever.
        """
        old = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            for _ in _inside(function):
                pass
        finally:
            sys.settrace(old)

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if name != self.file and not name.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._on_instruction

    def _on_instruction(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            self.count += 1
            if self.count - 1 == self.at:
                self.where = f"{frame.f_code.co_name}, line {frame.f_lineno}"
                self.act()
        return self._on_instruction


def _inside(function: Callable[[], object]) -> Iterator[None]:
    function()
    yield
