"""Lendable: a dispatcher that serves on a bound socket, and may leave that to another process.

A copy of the socket is in both processes while one takes over from the other, and what waits in its
queue is for whichever looks.  So exactly one of the two looks at any time, and the other has lent.
"""

from __future__ import annotations

import os

from lifetime import Dispatcher


class Lendable(Dispatcher):
    """Serves on a socket of which another process may have a copy.

    inherited: somebody else has made the socket, and keeps it: a supervisor, or the process that
        forked us.
    lent: another process serves on it; we may have to again.
    owner: id of the process whose socket it is, the one that made it.  A daemon that forks after
        this sets its own id.
    A subclass is not readable while it has lent.
    """

    inherited = False
    lent = False
    owner = 0

    @property
    def is_open(self) -> bool:
        """Whether it has its socket still."""
        return self._fileno is not None

    @property
    def is_ours(self) -> bool:
        """Whether the socket is ours alone: not a supervisor's, nor a parent's, nor lent."""
        return not self.inherited and not self.lent and self.owner == os.getpid()

    def lend(self) -> None:
        """Another process has a copy of the socket and serves on it from now on: we do not."""
        self.lent = True
        self.changed()

    def take_back(self) -> None:
        """That process has gone: serve again."""
        self.lent = False
        self.changed()

    def own(self) -> None:
        """Whoever we have inherited the socket from serves on it no more: it is ours."""
        self.lent = self.inherited = False
        self.changed()

    def leave_file(self) -> None:
        """Another process has a copy of the socket and may yet serve on it: its file stays."""
