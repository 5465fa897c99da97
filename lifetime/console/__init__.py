"""lifetime.console: an operator starts, modifies, displays and stops a server.

The functions work on a default `Console`, whose `Lifetime` is that of the process.  `acb` and its
kin have the names and arguments of the original, the extension `zconsole` of z/OS, which is used
where it can be imported.
"""

from __future__ import annotations

from lifetime.console.daemons import Unstartable
from lifetime.console.events import ECB, ShutdownToken, wait_any
from lifetime.console.functions import (
    acb,
    arrived,
    cancel,
    console,
    console2,
    default,
    get,
    init,
    kill,
    put,
    taskinfo,
)
from lifetime.console.hub import Console, Source
from lifetime.console.timers import InactivityTimer, Timer
from lifetime.console.verbs import Refusal

__all__ = [
    "ECB",
    "Console",
    "InactivityTimer",
    "Refusal",
    "ShutdownToken",
    "Source",
    "Timer",
    "Unstartable",
    "acb",
    "arrived",
    "cancel",
    "console",
    "console2",
    "default",
    "get",
    "init",
    "kill",
    "put",
    "taskinfo",
    "token",
    "wait_any",
]

#: Posted when a stop is asked for, by whomever.
token: ShutdownToken = default().token
