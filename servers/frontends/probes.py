"""ProbeListener: whoever probes us is never kept waiting because others are connected.

A front end that gets no answer takes the server for dead.  So whoever has been silent for longest
makes room for the next one, also when descriptors run out; and it answers until phase 4.
"""

from __future__ import annotations

from typing import Any

from servers.listener import Listener


class ProbeListener(Listener):
    """A listener for front ends that ask how we are, up to `max_channels` of them at a time."""

    stays = True

    def longest_silent(self) -> Any:
        """The channel that is to make room; None if there is none."""
        raise NotImplementedError("a ProbeListener's subclass says who makes room")

    def have_room(self) -> None:
        """One more is going to be served."""
        if len(self.channels) + 1 >= self.max_channels:
            self._make_room()

    def _make_room(self) -> bool:
        longest = self.longest_silent()
        if longest is not None:
            longest.close()
        return longest is not None

    def _rest(self, error: OSError) -> None:
        # Out of descriptors: one of ours for the next one, who waits no longer than a turn.
        if not self._make_room():
            super()._rest(error)
