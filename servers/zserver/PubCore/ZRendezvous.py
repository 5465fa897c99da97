"""ZServer's ZRendezvous: `servers.workers` under its old name."""

from __future__ import annotations

from typing import Any

from servers.workers import Workers
from servers.zserver.PubCore.ZServerPublisher import publish


class ZRendevous(Workers):
    """A pool of `n` threads that publish, first come, first served."""

    def __init__(self, n: int = 1) -> None:
        super().__init__(n, name="publisher")

    def handle(self, name: Any, request: Any, response: Any) -> None:
        """Publish `name` for a request in one of the threads.  Raises WorkersBusy."""
        self.submit(publish, name, request, response)


ZRendezvous = ZRendevous
