"""ZServer's Wakeup (module ZEvent): ends the running poll, from any thread."""

from __future__ import annotations

from collections.abc import Callable

import lifetime as lifetime_module


def Wakeup(thunk: Callable[[], object] | None = None) -> None:
    """Wake the loop; it calls `thunk()`.  Never blocks, and costs nothing in the socket map."""
    lifetime_module.call_soon_threadsafe(_nothing if thunk is None else thunk)


def _nothing() -> None:
    """To be awake is all that is wanted."""
