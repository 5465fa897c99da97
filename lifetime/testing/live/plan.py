"""What one stop under load consists of, and when: drawn from a seed, so it can be had again."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from lifetime.testing.live.survey import Offer

# Seconds after the first connections.
TASKS_BEGIN = 0.3  # by then everybody has had an answer; now come those that take long
EARLIEST = 0.1  # after that, for the signal
LATEST = 1.2

#: Seconds that slow uploads and slow readers take, if there is time.
TASK_TIME = 2.5

#: Seconds after the signal when half heads go on.
HALF_HEADS_GO_ON = 0.5


@dataclass(frozen=True)
class Counts:
    """How many clients of each kind; interval: seconds between newcomers."""

    keep_alive: int = 8
    pipelined: int = 4
    idle: int = 20
    half_head: int = 3
    in_flight: int = 4
    slow_upload: int = 3
    slow_reader: int = 2
    queued: int = 4
    interval: float = 0.02


#: For a server that takes its time for whatever it is asked: what is owed has to fit the grace,
#: also if it does one thing after the other.
FEW = Counts(
    keep_alive=1,
    pipelined=1,
    idle=1,
    half_head=1,
    in_flight=1,
    slow_upload=1,
    slow_reader=1,
    queued=1,
    interval=1.0,
)


@dataclass(frozen=True)
class Plan:
    """One stop under load.  Times are in seconds.

    signal_at: after the tasks have begun.
    frozen: the server sleeps while the last connections come, so that they wait in its accept
        queue when it wakes up to the signal.
    """

    counts: Counts
    signal_at: float
    task_time: float
    half_heads_go_on: float
    frozen: bool


def draw_plan(offer: Offer, grace: float, number: int, draw: random.Random) -> Plan:
    """The plan of run `number`; every second one freezes the server."""
    task_time = min(TASK_TIME, grace / 2)
    # Those in flight should still be so, and the tasks not be over.
    latest = min(LATEST, task_time * 0.6)
    if offer.slow.seconds > 2 * EARLIEST:
        latest = min(latest, offer.slow.seconds * 0.8)
    return Plan(
        fitting_counts(offer, grace),
        draw.uniform(min(EARLIEST, latest), latest),
        task_time,
        min(HALF_HEADS_GO_ON, grace / 4),
        frozen=number % 2 == 0,
    )


def fitting_counts(offer: Offer, grace: float) -> Counts:
    """As many clients as a server can answer within half the grace, one after the other."""
    if not offer.quick:
        return replace(FEW, interval=max(FEW.interval, offer.quickest.seconds))
    counts = Counts()
    fitting = int(grace / 2 / max(offer.slow.seconds, 0.001))
    return replace(counts, in_flight=max(1, min(counts.in_flight, fitting)))


def draw_second(draw: random.Random) -> float:
    """Seconds between the two signals of a stop that is asked for twice."""
    return draw.uniform(0.2, 0.6)
