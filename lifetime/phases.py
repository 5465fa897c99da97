"""The five phases, the veto, and the protocol of whoever takes part.

Everything else in this package is about walking these phases; here is only what they are called.
No socket, no clock and no policy will ever live here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class Phase(IntEnum):
    """Where the process stands between serving and gone.

    The numbers are the contract: ported handlers compare against 0..4.
    Source: Zope's Lifetime (2002); see docs/explanation/phases.md.
    """

    RUNNING = 0  # the main loop serves; nothing is closing
    WITHDRAWING = 1  # front ends are told to look elsewhere; everything is still answered
    REFUSING = 2  # listeners empty their accept queue and close
    DRAINING = 3  # in-flight work finishes; idle channels close
    TERMINATED = 4  # the loop has returned


@dataclass(frozen=True)
class Veto:
    """A reason not to leave the current phase yet; always true, so `return Veto(...)` vetoes.

    reason: a few words for the operator, such as "answering GET /report".
    eta: seconds until the owner expects to let go, if it knows; it is asked again by then.
    """

    reason: str
    eta: float | None = None

    def __bool__(self) -> bool:
        return True


class Participant(Protocol):
    """What takes part in a shutdown: anything in the socket map that has this method."""

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Do this phase's work; return a `Veto` or another true value to stay in it.

        phase: 1, 2 or 3, see `Phase`.
        time_in_phase: seconds on the loop's monotonic clock since the phase was entered.
        An exception is logged and counts as no veto.
        Source: the hook's name and meaning are those of Zope's Lifetime.
        """


#: A veto without words: what a bare true value is taken for.
UNEXPLAINED = Veto("no reason given")


def as_veto(answer: object) -> Veto | None:
    """Read a hook's answer: None if it lets the phase go, else the veto it stands for.

    Any true value vetoes, also `"0"`, `-1` and `[0]`, as in the original.
    """
    if isinstance(answer, Veto):
        return answer
    return UNEXPLAINED if answer else None


def name_of(participant: object) -> str:
    """What logs and reports call a participant: its `shutdown_name`, or class and address.

    participant: any object; `shutdown_name`, if it has one, is a string.
    """
    kind = type(participant).__name__
    try:
        name = getattr(participant, "shutdown_name", None)
        address = getattr(participant, "addr", None)
    except Exception:  # a property of somebody else's: a name is not worth a shutdown
        return kind
    if isinstance(name, str):
        return name
    if isinstance(address, tuple) and len(address) >= 2:
        return f"{kind} {address[0]}:{address[1]}"
    return f"{kind} {address}" if isinstance(address, str) and address else kind
