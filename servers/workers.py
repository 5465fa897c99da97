"""Workers: a bounded pool of threads for what would block the loop.

What is asked for waits in a queue, first come, first served.  The threads are made when there is
work for them, and end on request or with the process; the loop's deadline binds them too, for
nobody waits for a thread longer than that.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger("servers")

Job = tuple[Callable[..., object], tuple[Any, ...]]


class WorkersBusy(Exception):
    """So much waits already that more would only wait in vain."""


class Workers:
    """At most `size` threads; at most `waiting` jobs in the queue.

    Legal from any thread.  What a job raises is logged.
    """

    def __init__(self, size: int = 4, waiting: int = 1000, name: str = "worker") -> None:
        if size < 1:
            raise ValueError(f"a pool of {size} threads; give at least 1")
        self.size = size
        self.waiting = waiting
        self.name = name
        self.busy = 0
        self._jobs: deque[Job] = deque()
        self._threads: set[threading.Thread] = set()
        self._condition = threading.Condition()
        self._stopped = False

    def submit(self, job: Callable[..., object], *args: Any) -> None:
        """Call `job(*args)` in one of the threads.

        Raises WorkersBusy if the queue is full, RuntimeError behind `stop()`.
        """
        with self._condition:
            if self._stopped:
                raise RuntimeError(f"the pool of {self.name} threads has been stopped")
            # Those that a free thread is about to take do not wait.
            if len(self._jobs) >= self.waiting + self.size - self.busy:
                raise WorkersBusy(f"{self.waiting} jobs wait for a {self.name} thread already")
            self._jobs.append((job, args))
            if len(self._threads) < self.size and len(self._jobs) > self.idle:
                self._begin_thread()
            self._condition.notify()

    @property
    def idle(self) -> int:
        """Threads that have nothing to do."""
        return len(self._threads) - self.busy

    def _begin_thread(self) -> None:
        # A daemon: a job that never ends must not keep a process that has been told to go.
        thread = threading.Thread(
            target=self._work, name=f"{self.name} {len(self._threads) + 1}", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            function, args = job
            try:
                function(*args)
            except Exception:
                log.exception("a %s thread: %r failed", self.name, function)
            finally:
                with self._condition:
                    self.busy -= 1

    def _next_job(self) -> Job | None:
        with self._condition:
            while not self._jobs:
                if self._stopped or len(self._threads) > self.size:
                    self._threads.discard(threading.current_thread())
                    return None
                self._condition.wait()
            self.busy += 1
            return self._jobs.popleft()

    def resize(self, size: int) -> None:
        """Have at most so many threads from now on; those that are too many end when idle."""
        if size < 1:
            raise ValueError(f"a pool of {size} threads; give at least 1")
        with self._condition:
            self.size = size
            while len(self._threads) < size and len(self._jobs) > self.idle:
                self._begin_thread()
            self._condition.notify_all()

    def stop(self, timeout: float | None = None) -> bool:
        """Take no more jobs, do those that wait, end the threads.  True if all have ended.

        timeout: seconds to wait for each thread; 0 for not at all, None for as long as it takes.
        """
        with self._condition:
            self._stopped = True
            self._condition.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in threads)
