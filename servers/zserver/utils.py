"""ZServer's utils."""

from __future__ import annotations

import os
from typing import Any


def requestCloseOnExec(sock: Any) -> None:
    """Do not let programs that we start inherit the socket; Python does so by itself today."""
    os.set_inheritable(sock.fileno(), False)


def patchAsyncoreLogger() -> None:
    """Nothing: dispatchers of this project log by the standard library's logging already."""


def patchSyslogServiceName() -> None:
    """Nothing: the service's name is a matter of the logging configuration."""


def getZopeVersion() -> str:
    """The version of Zope, which is none."""
    return "(unknown version)"
