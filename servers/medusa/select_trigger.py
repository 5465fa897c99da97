"""medusa's select_trigger: wakes the loop from any thread, and runs thunks in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any

import lifetime as lifetime_module
from lifetime import Dispatcher, Phase, event_driven
from lifetime.trigger import Trigger
from servers.medusa.producers import encoded

log = logging.getLogger("servers")

#: What a trigger_file gathers before it is sent (bytes).
BUFFER_SIZE = 4096


class trigger(Dispatcher):
    """In the map from the beginning; leaves it last in a shutdown."""

    def __init__(self) -> None:
        super().__init__(None, lifetime_module.default().map)
        self._trigger = Trigger()
        self._trigger.open()
        self.connected = True
        assert self._trigger.reader is not None  # it is open
        self.set_socket(self._trigger.reader)

    def __repr__(self) -> str:
        return f"<select-trigger (pipe) at {id(self):x}>"

    def pull_trigger(self, thunk: Callable[[], object] | None = None) -> None:
        """Wake the loop; it calls `thunk()`.  Never blocks."""
        if thunk is None:
            self._trigger.pull()
        else:
            self._trigger.pull(thunk)

    def handle_read(self) -> None:
        """Run what waits."""
        for thunk, args in self._trigger.drain():
            try:
                thunk(*args)
            except Exception:
                log.exception("%r, run by the trigger, failed", thunk)

    @event_driven
    def writable(self) -> bool:
        """A trigger never writes."""
        return False

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Leave in phase 3, when nobody else is left to be woken for."""
        members = list(lifetime_module.default().map.values())
        others = [each for each in members if not isinstance(each, trigger)]
        if phase == Phase.DRAINING and not others:
            self.close()
        return None

    def close(self) -> None:
        """Leave the map."""
        super().close()
        self._trigger.close()


class trigger_file:
    """A file for a thread: what it writes is pushed to `parent` by the loop."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.buffer: list[bytes] = []
        self.size = 0
        self._lock = Lock()

    def write(self, data: str | bytes) -> None:
        """Take a piece; much of it goes out at once."""
        piece = encoded(data)
        with self._lock:
            self.buffer.append(piece)
            self.size += len(piece)
        if self.size > BUFFER_SIZE:
            self.flush()

    def writeline(self, line: str | bytes) -> None:
        """Take a line without its end."""
        self.write(encoded(line) + b"\r\n")

    def writelines(self, lines: Any) -> None:
        """Take lines without their ends."""
        self.write(b"".join(encoded(line) + b"\r\n" for line in lines))

    def flush(self) -> None:
        """Send what was gathered."""
        with self._lock:
            data, self.buffer, self.size = b"".join(self.buffer), [], 0
        if data:
            lifetime_module.call_soon_threadsafe(self.parent.push, data)

    def softspace(self, *args: Any) -> None:
        """What `print` once wanted of a file."""

    def close(self) -> None:
        """Send what was gathered; the parent stays open."""
        self.flush()

    def trigger_close(self) -> None:
        """Send what was gathered, and close the parent behind it."""
        self.flush()
        lifetime_module.call_soon_threadsafe(self.parent.close_when_done)
