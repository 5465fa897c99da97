"""How a thread hears of signals at once, wherever the main thread is.

Python runs the handler of a signal in the main thread, between two instructions of it.  A signal
that comes in the moment before a system call does not end that call, and so the handler runs when
the call returns, which may be never.  What the system itself calls, however, writes the number of
each signal into a descriptor (`signal.set_wakeup_fd`): a thread of ours reads it there.
"""

from __future__ import annotations

import atexit
import signal
import socket
import threading
from contextlib import suppress

#: What `wake` leaves; no signal has this number.
NO_SIGNAL = 0


class SignalWakeup:
    """A pair of sockets, with the numbers of signals in between.

    A process has one place for such a descriptor; whoever was there first keeps it.
    Raises OSError if no descriptor is left.
    Source: `signal.set_wakeup_fd` of Python's library reference; PEP 475 for calls taken up again.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._claimed = False  # the place was ours
        self._may_come_back = False  # whoever has it now may remember us

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._reader.fileno()

    def claim(self) -> None:
        """Take the place if nobody has it.  For the main thread."""
        if self._exchange(-1) == -1:
            self._claimed = True

    def is_heard(self) -> bool:
        """Whether the place is ours, so that signals can be read here.  For the main thread.

        A place that is free is not taken: of two signals that came before that, whose handlers run
        now, the second would be looked for here, in vain.
        """
        ours = self._writer.fileno()
        return self._exchange(ours) == ours

    def _exchange(self, replaceable: int) -> int:
        """Who has had the place; ours is in it now if it was this one, or ours already."""
        ours = self._writer.fileno()
        holder = signal.set_wakeup_fd(ours, warn_on_full_buffer=False)
        if holder not in (ours, replaceable):
            # No warning when it is full: it is readable then, and its owner may have said so.
            signal.set_wakeup_fd(holder, warn_on_full_buffer=False)
        return holder

    def give_back(self) -> None:
        """Leave the place, unless somebody else has it by now.  For the main thread."""
        ours = self._writer.fileno()
        holder = signal.set_wakeup_fd(-1)
        if holder != ours:
            signal.set_wakeup_fd(holder, warn_on_full_buffer=False)
            self._may_come_back = self._claimed and holder != -1

    def wake(self) -> None:
        """Let `numbers` return.  Legal in a signal handler and from any thread."""
        with suppress(OSError):  # full: it is readable already; closed: nobody reads
            self._writer.send(bytes([NO_SIGNAL]))

    def numbers(self, timeout: float | None = 0.0) -> bytes:
        """One byte for each signal since the last time, and one for each `wake`.

        timeout: seconds to wait for the first; None: for ever.  Empty if none came in time.
        Raises OSError if somebody has closed our descriptor.
        """
        self._reader.settimeout(timeout)
        try:
            return self._reader.recv(4096)
        except (BlockingIOError, TimeoutError):  # none in time
            return b""

    def close(self) -> None:
        """Close the sockets; to be called behind `give_back`.

        Whoever has taken the place from us may put our number there again, as a `Lifetime` does
        behind its `run()`.  It must not be another descriptor's by then, so the sockets stay until
        the program ends.
        """
        if self._may_come_back:
            atexit.register(self._close)
        else:
            self._close()

    def forget(self) -> None:
        """In a forked child, which shares the sockets with its parent."""
        self.give_back()
        self._close()

    def _close(self) -> None:
        self._reader.close()
        self._writer.close()


def interrupt_main_thread(number: int) -> None:
    """Let the handler of this signal run in the main thread, and end its system call for that.

    It may come in the moment before one, and then does not end it: whoever needs that repeats it.
    """
    main = threading.main_thread().ident
    if not hasattr(signal, "pthread_kill"):
        signal.raise_signal(number)
    elif main is not None:
        signal.pthread_kill(main, number)
