"""The harness for users: check a dispatcher, or a whole server, against the laws of a shutdown.

`check_dispatcher(factory)` runs what a factory builds in simulated worlds; `lifetime.testing.live`
stops a real server, of whatever make.  What draws scenarios needs Hypothesis, which comes with the
extra `testing`; everything else needs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lifetime.testing.dialects import HTTP, Dialect, Lines, Request, Silent
from lifetime.testing.enumeration import Scope
from lifetime.testing.events import (
    Begin,
    Bystander,
    Connect,
    Event,
    Finish,
    HalfClose,
    HangUp,
    Hold,
    ReadOn,
    Reset,
    Scenario,
    Send,
    SetClock,
    Stop,
    Undo,
    Weather,
)
from lifetime.testing.laws import LAWS, Allowances, Breach
from lifetime.testing.loading import FactoryError, load_factory
from lifetime.testing.repetition import replay
from lifetime.testing.simulation import Factory, Run, simulate
from lifetime.testing.stepping import SteppedWorld
from lifetime.testing.telling.coverage import SITUATIONS, Coverage
from lifetime.testing.verdict import LawBroken, NeverReached, Verdict
from lifetime.testing.world.limits import SimulationLimit
from lifetime.testing.world.world import World

if TYPE_CHECKING:
    from lifetime.testing.check import check_dispatcher, judge_dispatcher
    from lifetime.testing.machine import PhaseOrderMachine
    from lifetime.testing.strategies import scenarios

__all__ = [
    "HTTP",
    "LAWS",
    "SITUATIONS",
    "Allowances",
    "Begin",
    "Breach",
    "Bystander",
    "Connect",
    "Coverage",
    "Dialect",
    "Event",
    "Factory",
    "FactoryError",
    "Finish",
    "HalfClose",
    "HangUp",
    "Hold",
    "LawBroken",
    "Lines",
    "NeverReached",
    "PhaseOrderMachine",
    "ReadOn",
    "Request",
    "Reset",
    "Run",
    "Scenario",
    "Scope",
    "Send",
    "SetClock",
    "Silent",
    "SimulationLimit",
    "SteppedWorld",
    "Stop",
    "Undo",
    "Verdict",
    "Weather",
    "World",
    "check_dispatcher",
    "judge_dispatcher",
    "load_factory",
    "replay",
    "scenarios",
    "simulate",
]

#: What draws, and so needs Hypothesis: name -> the module that has it.
_DRAWING = {
    "check_dispatcher": "lifetime.testing.check",
    "judge_dispatcher": "lifetime.testing.check",
    "PhaseOrderMachine": "lifetime.testing.machine",
    "scenarios": "lifetime.testing.strategies",
}


def __getattr__(name: str) -> object:
    """What needs Hypothesis is imported when it is asked for."""
    if name not in _DRAWING:
        raise AttributeError(f"module 'lifetime.testing' has no attribute {name!r}")
    try:
        return getattr(import_module(_DRAWING[name]), name)
    except ModuleNotFoundError as missing:
        if missing.name != "hypothesis":
            raise
        raise ModuleNotFoundError(
            f"lifetime.testing.{name} draws scenarios with Hypothesis, which is not installed; "
            "it comes with the extra: pip install 'lifetime-servers[testing]'",
            name="hypothesis",
        ) from None
