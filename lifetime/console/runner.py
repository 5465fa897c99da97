"""Runner: calls back, one at a time, in a thread of its own.

What it calls is the application's, and may take as long as it likes: nobody but the next in its
queue waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from lifetime.console.daemons import join, start_daemon
from lifetime.console.forks import forget_after_fork
from lifetime.console.prompt_switches import PromptSwitch

log = logging.getLogger("lifetime.console")

Task = Callable[[], object]


class Runner:
    """A queue of calls and a thread that makes them; the thread begins with the first.

    name: of the thread, as debuggers show it.
    left: called with a SystemExit that comes out of a call, which means the whole program.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.left: Callable[[SystemExit], object] = _nobody_leaves
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._switch = PromptSwitch()
        forget_after_fork(self)

    def start(self) -> None:
        """Begin the thread if there is none.  Raises Unstartable."""
        with self._starting:
            if self._thread is None:
                self._thread = start_daemon(self._run, self.name)

    def submit(self, task: Task) -> None:
        """Call it when those before it have returned.  Raises Unstartable."""
        if self._thread is None:
            self.start()
        try:
            self._switch.hurry()
            self._tasks.put(task)
        except BaseException:  # Ctrl-C in between: perhaps nobody was woken, who would say so
            self._switch.awake()
            raise

    @property
    def is_running(self) -> bool:
        """Whether there is a thread."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_current(self) -> bool:
        """Whether the caller is one of our own calls."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        tasks, switch = self._tasks, self._switch
        while True:
            switch.waiting()
            task = tasks.get()
            switch.awake()
            if task is None:
                return
            try:
                task()
            except SystemExit as leaving:
                self.left(leaving)
            except BaseException:  # a task catches what it means to
                log.exception("%s has met an error, and goes on", self.name)
            del task  # or what it holds would live until the next one comes

    def close(self) -> bool:
        """End the thread behind what is queued already.  Whether it ended in time."""
        with self._starting:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._tasks.put(None)
        if not join(thread):
            log.warning("%s is still in a callback, and is left behind", self.name)
            self._tasks = SimpleQueue()
            return False
        return True

    def forget(self) -> None:
        """Nothing of it exists in a forked child."""
        self._thread = None
        self._tasks = SimpleQueue()
        self._switch.forget()
        self._starting = threading.Lock()  # its holder may not exist here


def _nobody_leaves(leaving: SystemExit) -> None:
    """Until there is a console: a thread cannot end the program."""
