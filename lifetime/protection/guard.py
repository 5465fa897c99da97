"""ShutdownProtection: the context manager that makes protected blocks."""

from __future__ import annotations

import asyncio
from sys import _getframe
from threading import get_ident
from types import TracebackType

from lifetime.protection.block import ProtectedBlock
from lifetime.protection.manager import REPEAT
from lifetime.protection.passage import must_wait


class ShutdownProtection:
    """Protects the body of a `with` or `async with`; `as` gives the `ProtectedBlock`.

    max_exec_time: the window, in seconds, counted from the begin of the body and anew from each
        `allow_break()` and `renew()`; None, 0 or less: the configured one.
    run_at_exit: the body may begin while a request is pending.
    name: what logs and reports call the block; by default after the function it stands in.

    One object may be used again and again, in itself and in several threads: each time makes a
    block of its own.
    Source: the name, the first two arguments and their meaning are those of graceful_shutdown.
    """

    __slots__ = ("_entered", "max_exec_time", "name", "run_at_exit")

    def __init__(
        self,
        max_exec_time: float | None = None,
        run_at_exit: bool = False,
        *,
        name: str | None = None,
    ) -> None:
        self.max_exec_time = max_exec_time
        self.run_at_exit = run_at_exit
        self.name = name
        self._entered: list[ProtectedBlock] = []

    def __enter__(self) -> ProtectedBlock:
        block = ProtectedBlock(
            self.max_exec_time, self.run_at_exit, self.name, _getframe(1).f_code
        )
        block.protect()
        self._entered.append(block)
        return block

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        entered = self._entered
        thread = get_ident()
        for block in entered[::-1]:
            if block.thread == thread and block.task is None:
                entered.remove(block)
                return block.leave(error)
        return False

    async def __aenter__(self) -> ProtectedBlock:
        task = asyncio.current_task()
        code = None if task is None else getattr(task.get_coro(), "cr_code", None)
        block = ProtectedBlock(self.max_exec_time, self.run_at_exit, self.name, code)
        block.task = task
        # To raise here would end the loop, and with it the blocks of other tasks.
        while must_wait(block):
            await asyncio.sleep(REPEAT)
        block.protect()
        self._entered.append(block)
        return block

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        task = asyncio.current_task()
        for block in reversed(self._entered):
            if block.task is task:
                self._entered.remove(block)
                return block.leave(error)
        return False
