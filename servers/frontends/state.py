"""Availability: may traffic be sent to us?  The one state that every dialect translates.  Pure."""

from __future__ import annotations

from enum import Enum

from lifetime.phases import Phase


class Availability(Enum):
    """What front ends are to be told."""

    STARTING = "starting"  # not yet: the program has still to warm up
    READY = "ready"
    FAILING = "failing"  # a named check fails, such as one of a database
    MAINTENANCE = "in maintenance"  # an operator wants no traffic here
    DRAINING = "draining"  # phase 1: send us nothing new; what comes all the same is answered
    REFUSING = "refusing"  # phases 2 and 3: the listeners close
    GONE = "gone"  # phase 4


#: Who stops says so, whatever else there is to say.
STOPPING = {
    Phase.WITHDRAWING: Availability.DRAINING,
    Phase.REFUSING: Availability.REFUSING,
    Phase.DRAINING: Availability.REFUSING,
    Phase.TERMINATED: Availability.GONE,
}


def availability(
    phase: Phase, *, ready: bool = True, maintenance: bool = False, failing: bool = False
) -> Availability:
    """The state of a server in this phase.

    ready: it has started; maintenance: an operator wants no traffic; failing: a check has failed.
    """
    if phase in STOPPING:
        return STOPPING[phase]
    if maintenance:
        return Availability.MAINTENANCE
    if not ready:
        return Availability.STARTING
    return Availability.FAILING if failing else Availability.READY
