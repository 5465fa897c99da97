"""medusa's event_loop: callbacks at a time, beside the sockets."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from typing import Any

from servers.medusa import asyncore_25 as asyncore


class event_loop:
    """Serves the map and calls back; what is due in the same second comes in order."""

    socket_map = asyncore.socket_map

    def __init__(self) -> None:
        self.events: list[tuple[float, int, Callable[..., Any]]] = []
        self.num_channels = 0
        self.max_channels = 0
        self._numbers = itertools.count()

    def go(self, timeout: float = 30.0, granularity: float = 15) -> None:
        """Serve until nothing is left; look for due callbacks each `granularity` seconds."""
        last_event_check: float = 0
        while self.socket_map:
            now = time.time()
            if now - last_event_check >= granularity:
                last_event_check = now
                while self.events and self.events[0][0] <= now:
                    _, _, callback = heapq.heappop(self.events)
                    callback(self, now)
            self.num_channels = len(self.socket_map)
            self.max_channels = max(self.num_channels, self.max_channels)
            asyncore.poll(min(timeout, granularity))

    def schedule(self, delta: float, callback: Callable[..., Any]) -> None:
        """Call `callback(event_loop, now)` in `delta` seconds."""
        heapq.heappush(self.events, (time.time() + delta, next(self._numbers), callback))

    def __len__(self) -> int:
        return len(self.events)
