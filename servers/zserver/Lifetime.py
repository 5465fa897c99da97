"""Zope's Lifetime: the functions of `lifetime` under the old names, with the old arguments.

`_shutdown_phase` and `exit_code` are those of the default Lifetime, looked up when they are read.
"""

from __future__ import annotations

import logging
from typing import Any

import lifetime as lifetime_module
from lifetime.report import Report
from lifetime.signals import log_status
from servers.medusa import asyncore_25

logger = logging.getLogger("Z2")

#: Seconds between two turns of the loop at most: some dispatchers work when they are asked.
TURN = 30.0


def __getattr__(name: str) -> Any:
    """What changes in a shutdown."""
    default = lifetime_module.default()
    if name == "_shutdown_phase":
        return int(default.phase)
    if name == "_shutdown_timeout":
        sequence = default.sequence
        return default.patience.phase if sequence is None else sequence.phase_patience
    if name == "exit_code":
        return default.exit_code or 0
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def shutdown(exit_code: int = 0, fast: object = 0) -> None:
    """Ask for an orderly stop, from anywhere; 0 to stop, 1 to be started again.

    The first call's code wins; a later `fast` still hurries.
    """
    lifetime_module.shutdown(exit_code, bool(fast))


def loop() -> None:
    """Serve until a shutdown has come to its end, or nothing is left to serve."""
    asyncore_25.loop(TURN)


def lifetime_loop() -> None:
    """Serve until a shutdown is asked for, or nothing is left to serve."""
    asyncore_25.let_go()
    default = lifetime_module.default()
    turns = default.call_every(TURN, _nothing)
    try:
        with default.running(), asyncore_25.WokenBySignals(default):
            default.lifetime_loop()
    finally:
        turns.cancel()


def graceful_shutdown_loop() -> Report | None:
    """Walk the phases to the end."""
    asyncore_25.let_go()
    return lifetime_module.graceful_shutdown_loop()


def shutdownFastHandler() -> None:
    """Stop with little patience."""
    logger.info("Shutting down fast")
    shutdown(0, fast=1)


def shutdownHandler() -> None:
    """Stop.  The original raised SystemExit here, and went through no phase at all."""
    logger.info("Shutting down")
    shutdown(0)


def restartHandler() -> None:
    """Stop, to be started again."""
    logger.info("Restarting")
    shutdown(1)


def showStacks() -> None:
    """Write the phase and every thread's stack to the log."""
    log_status(lifetime_module.default())


def _nothing() -> None:
    """A turn of the loop is all that is wanted."""
