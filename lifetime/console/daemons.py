"""How our threads begin and end.

They are daemon threads that are always ended by us: one that is no daemon is joined before any
`atexit` function runs, so nobody could wake it, and the program would hang at its end.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

#: Seconds for which the end of the program waits for one of our threads.
JOIN_LIMIT = 1.0


class Unstartable(RuntimeError):
    """No thread can be started here, and why not."""


def start_daemon(target: Callable[[], object], name: str) -> threading.Thread:
    """Start a thread in which no signal handler will ever run.

    Raises Unstartable in a sub-interpreter, which has no daemon threads, and when the interpreter
    is ending.
    """
    thread = threading.Thread(target=target, name=name, daemon=True)
    if sys.is_finalizing():  # it would never begin, and we would wait for that
        raise Unstartable(
            "no thread can be started for the console any more; begin with it before the program"
            " ends"
        )
    # A thread begins with the mask of the one that starts it; then the kernel gives every signal
    # to the main thread, the only one that runs handlers, and wakes it if it is waiting.
    masked = hasattr(signal, "pthread_sigmask")
    old = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()) if masked else None
    try:
        thread.start()
    except RuntimeError as error:
        # Python's own words are the only sign: "daemon threads are disabled in this interpreter",
        # "can't create new thread at interpreter shutdown".
        if "daemon" in str(error):
            raise Unstartable(
                "a sub-interpreter has no daemon threads; use the console in the main interpreter"
            ) from error
        raise Unstartable(
            f"no thread can be started for the console any more: {error}; "
            "begin with it before the program ends"
        ) from error
    finally:
        if old is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, old)
    return thread


def join(thread: threading.Thread | None) -> bool:
    """Wait for its end, at most `JOIN_LIMIT` seconds.  Whether it has ended; True for ourselves."""
    if thread is None or thread is threading.current_thread():
        return True
    thread.join(JOIN_LIMIT)
    return not thread.is_alive()
