"""A Stop becomes a request to the Lifetime, at once, whatever its loop is doing.

Called in the waiter's thread.  A loop that does not come back from somebody's handler is dealt with
as `lifetime.signals` does it: the watchdog is armed, and the third unnoticed request leaves.
"""

from __future__ import annotations

import signal
import threading

from lifetime import Lifetime, Phase
from lifetime.signals import Signals


def request_stop(life: Lifetime, force: bool = False) -> None:
    """Ask as an operator does: repetition escalates.

    force: the phase that goes on is left as well, whoever holds it.
    """
    if life.phase is Phase.TERMINATED:
        return
    if life.thread is None:
        life.shutdown()  # found when the loop begins; nobody is there for whom to be patient
        return
    signals = _signals_of(life)
    if life.is_stuck() and signals is not None:
        signals.interrupt(life.thread)  # it takes it from here, in the main thread
        return
    life.arm_watchdog(at_once=signals is not None and signals.record())
    if signals is not None:
        life.call_soon_threadsafe(signals.noticed)
    life.call_soon_threadsafe(life.request_stop)
    if force:
        # Behind the request, which has its own thunk: now the walk has begun.
        life.call_soon_threadsafe(life.call_soon_threadsafe, _leave_the_phase, life)


def _leave_the_phase(life: Lifetime) -> None:
    """The phase that goes on has had its patience, and those behind it get little."""
    sequence = life.sequence
    if sequence is not None:
        sequence.hurry(since=life.clock() - sequence.patience.fast)


def _signals_of(life: Lifetime) -> Signals | None:
    """Whose SIGTERM to the main thread comes to this very Lifetime, and harms nobody else."""
    if life.thread != threading.main_thread().ident or not hasattr(signal, "pthread_kill"):
        return None
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return owner if isinstance(owner, Signals) and owner.lifetime is life else None
