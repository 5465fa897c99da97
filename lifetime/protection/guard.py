"""ShutdownProtection: the context manager that makes protected blocks."""

from __future__ import annotations

import asyncio
from sys import _getframe
from threading import get_ident
from types import FrameType, TracebackType

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
            self.max_exec_time, self.run_at_exit, self.name, _getframe(1)
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
        block = self._take(_getframe(1), None)
        return block is not None and block.leave(error)

    async def __aenter__(self) -> ProtectedBlock:
        block = ProtectedBlock(
            self.max_exec_time, self.run_at_exit, self.name, _getframe(1)
        )
        block.task = asyncio.current_task()
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
        block = self._take(_getframe(1), asyncio.current_task())
        return block is not None and block.leave(error)

    def _take(self, frame: FrameType, task: asyncio.Task[object] | None) -> ProtectedBlock | None:
        """The block that ends here, which is no longer among those that were entered.

        The last one of this very `with`, for a generator may be closed in another thread or task,
        and before those that began later.  If others have begun it for us, such as an ExitStack,
        it is the last one of this thread and task.
        """
        entered = self._entered[::-1]
        if len(entered) == 1:
            block = entered[0]
        elif entered:
            thread = get_ident()
            block = max(
                entered,
                key=lambda each: (each.is_of(frame), each.thread == thread and each.task is task),
            )
        else:
            return None
        self._entered.remove(block)
        return block
