"""ZServer's PubCore: requests are published by a bounded pool of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lifetime as lifetime_module
from lifetime import Phase
from servers.workers import WorkersBusy
from servers.zserver.PubCore.ZRendezvous import ZRendevous
from servers.zserver.PubCore.ZServerPublisher import close_body

_size = 1
_pool: ZRendevous | None = None
_unsubscribe: Callable[[], None] | None = None


def setNumberOfThreads(n: int) -> None:
    """Have so many threads from now on."""
    global _size
    _size = n
    if _pool is not None:
        _pool.resize(n)


def handle(module: Any, request: Any, response: Any) -> None:
    """Publish `module` for a request, in a thread of the pool.

    request, response: those of WSGI too: a mapping, and the start_response of a ChannelPipe.
    So much may wait that more would only wait in vain; that is answered with 503.
    """
    global _pool
    if _pool is None:
        _pool = ZRendevous(_size)
        _subscribe()
    try:
        _pool.handle(module, request, response)
    except WorkersBusy:
        if isinstance(request, dict):
            response("503 Service Unavailable", [])
            pipe = request["wsgi.output"]
            pipe.send_start()
            pipe.close()
        else:
            response.setStatus(503)
            response.finish()
        close_body(request)


def _subscribe() -> None:
    global _unsubscribe
    if _unsubscribe is None:
        _unsubscribe = lifetime_module.on_phase(_on_phase)


def _on_phase(phase: Phase) -> None:
    """In phase 4 nobody waits for an answer any more: the threads end."""
    global _pool
    if phase is Phase.TERMINATED and _pool is not None:
        pool, _pool = _pool, None
        pool.stop(0)
