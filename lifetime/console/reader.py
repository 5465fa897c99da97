"""The commands as an asynchronous iterator, for a program on asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType

from lifetime.console.commands import Qedit
from lifetime.console.functions import default
from lifetime.console.handles import KILLED
from lifetime.console.hub import Console


class Commands:
    """`async for qedit in Commands():` until a stop was given, or `close()` is called.

    console: by default that of the process.  The last one that comes is the Stop.
    Needs a loop with `add_reader`, as Unix has.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = default() if console is None else console
        self._handle = self.console.init()
        self._over = False

    def __aiter__(self) -> Commands:
        return self

    async def __anext__(self) -> Qedit:
        if self._over:
            raise StopAsyncIteration
        events = self.console.events(self._handle)
        if events and not any(event.posted for event in events):
            await self._posted([event.fileno() for event in events])
        qedit = self.console.get(self._handle)  # there is one, so it does not wait
        self._over = qedit["rc"] == KILLED or qedit["verb"] == "Stop"
        if qedit["rc"] == KILLED:
            raise StopAsyncIteration
        return qedit

    async def _posted(self, descriptors: list[int]) -> None:
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        for fd in descriptors:
            loop.add_reader(fd, wake)
        try:
            await woken
        finally:
            for fd in descriptors:
                loop.remove_reader(fd)

    def close(self) -> None:
        """Wait for no more."""
        self.console.cancel(self._handle)

    async def __aenter__(self) -> Commands:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
