"""ZServer's ZRendezvous: `servers.workers` under its old name."""

from __future__ import annotations

from typing import Any

from servers.workers import Workers
from servers.zserver.PubCore.ZServerPublisher import publish


class ZRendevous(Workers):
    """A pool of `n` threads that publish, first come, first served.

    They are made when there is work for which nobody waits in `accept()`.
    """

    def __init__(self, n: int = 1) -> None:
        super().__init__(n, name="publisher")
        self._accepting = 0  # threads of others that wait for work

    @property
    def idle(self) -> int:
        """Threads that have nothing to do, those of others included."""
        return super().idle + self._accepting

    def accept(self) -> tuple[Any, Any, Any]:
        """The next (name, request, response), for a thread of one's own; waits until there is one.

        Raises SystemExit when the pool has been stopped and nothing is left.
        """
        with self._condition:
            self._accepting += 1
            try:
                while not self._jobs:
                    if self._stopped:
                        raise SystemExit
                    self._condition.wait()
            finally:
                self._accepting -= 1
            _, (name, request, response) = self._jobs.popleft()
            return name, request, response

    def handle(self, name: Any, request: Any, response: Any) -> None:
        """Publish `name` for a request in one of the threads.  Raises WorkersBusy."""
        self.submit(publish, name, request, response)


ZRendezvous = ZRendevous
