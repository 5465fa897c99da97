"""Budget: does a stop fit into the time that those who started us leave for it?

A service manager, an orchestrator or a balancer kills what has not ended in its time, and what is
killed loses what it had in progress.  So the sum is done once, at the start, while somebody reads
the log.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

#: What one second of ours may turn out to be on a busy machine, all in all (seconds).
MARGIN = 2.0

#: Whose limits we know: as a setting, and as an environment variable.
LIMITS = {
    "TimeoutStopSec": "TIMEOUT_STOP_SEC",
    "terminationGracePeriodSeconds": "TERMINATION_GRACE_PERIOD_SECONDS",
    "hard-stop-after": "HARD_STOP_AFTER",
}

#: Seconds in what is written without a unit, where that is not 1.
_BARE = {"hard-stop-after": 1e-3}

#: Seconds in one of each unit that systemd and HAProxy write.
_UNITS = {
    "us": 1e-6,
    "usec": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
    "w": 604800.0,
    "week": 604800.0,
    "weeks": 604800.0,
}

_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\s*", re.ASCII)


@dataclass(frozen=True)
class Need:
    """How long an orderly stop may take, in seconds, part by part.

    withdrawing: what phase 1 lasts at least; request: the longest that a request may still take;
    closing: until the last peer has hung up; deadline: over all of it, None if there is none.
    """

    withdrawing: float
    request: float
    closing: float
    deadline: float | None = None
    margin: float = MARGIN

    @property
    def total(self) -> float:
        """All of it."""
        parts = self.withdrawing + self.request + self.closing
        if self.deadline is not None:
            parts = min(parts, self.deadline)
        return parts + self.margin

    def __str__(self) -> str:
        parts = f"{self.withdrawing:g} + {self.request:g} + {self.closing:g}"
        names = "withdrawing, longest request, closing, margin"
        whole = self.withdrawing + self.request + self.closing
        if self.deadline is not None and self.deadline < whole:
            return f"{self.deadline:g} + {self.margin:g} = {self.total:g} s (deadline, margin)"
        return f"{parts} + {self.margin:g} = {self.total:g} s ({names})"


def warnings(need: Need, limits: Mapping[str, float]) -> list[str]:
    """A sentence for each limit that is too short, with the sum and the way out.

    limits: seconds, by the name that their owner gives them; infinity is no limit.
    """
    return [
        f"a stop may take {need}, but {name} is {limit:g} s, and then we are killed: raise it to"
        f" {math.ceil(need.total):g} s or more, or {_way_out(need, limit)}"
        for name, limit in limits.items()
        if limit < need.total
    ]


def _way_out(need: Need, limit: float) -> str:
    deadline = limit - need.margin
    if deadline > 0:
        return f"give --deadline {deadline:g}"
    return f"know that nothing shorter than {need.margin:g} s can be kept"


def limits_from(settings: list[str], environment: Mapping[str, str]) -> dict[str, float]:
    """The limits that were set, in seconds; a setting goes before the environment.

    settings: each NAME=TIME; a time as systemd or HAProxy writes it: 90, 1min 30s, 500ms, infinity.
        A bare number is seconds, and milliseconds for HAProxy; 0 is no limit for systemd.
    Raises ValueError with a sentence for what is none.
    """
    limits = {
        name: _limit(name, environment[variable], f"{variable} of the environment")
        for name, variable in LIMITS.items()
        if environment.get(variable)
    }
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in LIMITS:
            raise ValueError(
                f"{setting!r} is no limit; give {', '.join(f'{each}=TIME' for each in LIMITS)}"
            )
        limits[name] = _limit(name, text, name)
    return limits


def _limit(name: str, text: str, called: str) -> float:
    limit = seconds(text, called, bare=_BARE.get(name, 1.0))
    # Source: systemd.service(5) of old, "pass 0 to disable the timeout logic", is still obeyed.
    return math.inf if name == "TimeoutStopSec" and limit == 0 else limit


def seconds(text: str, name: str, bare: float = 1.0) -> float:
    """A time as systemd.time(7) and HAProxy write it.  Raises ValueError with a sentence.

    bare: seconds in a number without a unit.
    """
    if text.strip().lower() == "infinity":
        return math.inf
    total, end = 0.0, 0
    while end < len(text):
        part = _PART.match(text, end)
        if part is None or part[2] not in ("", *_UNITS):
            end = -1
            break
        total += float(part[1]) * _UNITS.get(part[2], bare)
        end = part.end()
    if end <= 0:
        raise ValueError(f"{name} is {text[:50]!r}; give a time such as 30, 90s or 1min 30s")
    return total
