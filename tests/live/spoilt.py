"""What every test here says to the tiny server, right or wrong."""

from __future__ import annotations

import random
import signal
import sys
from pathlib import Path

from lifetime.testing.live.laws import Terms, judge
from lifetime.testing.live.outcome import Outcome, Scene
from lifetime.testing.live.plan import draw_plan
from lifetime.testing.live.server import ServerProcess
from lifetime.testing.live.stops import Stop
from lifetime.testing.live.survey import Offer
from lifetime.testing.live.target import Target
from tests.live import tiny_server

HERE = Path(__file__).parent

GRACE = 1.5  # seconds

HELLO = Target("GET", "/", 200, b"hello\n", 6)
OFFER = Offer(
    plain=(HELLO,),
    slow=Target("GET", "/slow", 200, b"hello\n", 6, tiny_server.SLOW),
    large=Target("GET", "/large", 200, tiny_server.LARGE, len(tiny_server.LARGE)),
    upload=Target("POST", "/upload", 200, echoes=True),
    keeps_alive=True,
    pipelines=True,
    notes=(),
)


def command(name: str = "") -> list[str]:
    """The command of a wrong server; without a name, of the right one."""
    program = ["wrong_servers.py", name] if name else ["tiny_server.py"]
    return [sys.executable, str(HERE / program[0]), *program[1:], "{host}", "{port}"]


def stopped(name: str, scene: Scene) -> Outcome:
    """What one stop of that server comes to, in that scene."""
    stop = Stop(signal.SIGTERM, GRACE)
    with ServerProcess(command(name)) as server:
        if scene is Scene.IDLE:
            return stop.idle(server)
        if scene is Scene.BUSY:
            return stop.busy(server, OFFER)
        if scene is Scene.TWICE:
            return stop.twice(server, OFFER, pause=0.1)
        draw = random.Random(1)
        return stop.under_load(server, OFFER, draw_plan(OFFER, GRACE, 0, draw), draw)


def broken(outcome: Outcome) -> dict[str, str]:
    """The laws that it breaks, with the sentences."""
    findings = judge([outcome], Terms(signal.SIGTERM, GRACE))
    return {finding.law: finding.sentence for finding in findings if finding.kept is False}
