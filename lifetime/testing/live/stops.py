"""Start the server, put it into a scene, send the signal, and watch until nothing can happen."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from lifetime.testing.live import clients
from lifetime.testing.live.laws import HURRY
from lifetime.testing.live.load import Load
from lifetime.testing.live.outcome import Outcome, Scene
from lifetime.testing.live.plan import TASKS_BEGIN, Plan
from lifetime.testing.live.process_group import name_of
from lifetime.testing.live.server import ServerProcess
from lifetime.testing.live.survey import Offer

LOOK_INTERVAL = 0.005  # seconds

# Seconds after the exit, for what is still on its way to us and for connects that wait for the
# repetition of a SYN.
AFTERMATH = 3.0

#: Seconds in which processes that the server has started may follow it.
FOLLOW_TIME = 1.0

#: Seconds in which queued clients have connected; on loopback they have at once.
QUEUE_TIME = 0.02

#: Seconds after which a load goes on although not everybody has had an answer.
BUSY_TIME = 5.0

SETTLE = 0.1  # seconds, for a request to reach its handler


@dataclass(frozen=True)
class Stop:
    """How to stop a server: signal `number`, and at most `grace` seconds until it has gone."""

    number: int
    grace: float

    def idle(self, server: ServerProcess) -> Outcome:
        """Stop it while nobody is connected."""
        watch = Watch(server, Scene.IDLE, self)
        watch.load.later(0.0, watch.send)
        return watch.run()

    def busy(self, server: ServerProcess, offer: Offer) -> Outcome:
        """Stop it while one request is being answered, on the only connection."""
        watch = Watch(server, Scene.BUSY, self)
        clients.InFlightAlone(watch.load, offer.slow)
        watch.load.later(min(SETTLE, offer.slow.seconds / 2), watch.send)
        return watch.run()

    def twice(self, server: ServerProcess, offer: Offer, pause: float) -> Outcome:
        """Hold it with half a head that is never finished and a slow request, and ask twice.

        pause: seconds between the two signals.
        """
        watch = Watch(server, Scene.TWICE, self)
        clients.HeldHead(watch.load, offer.quickest)
        clients.Held(watch.load, offer.slow)

        def begin() -> None:
            watch.send()
            watch.load.later(pause, again)

        def again() -> None:
            if not server.over.is_set():
                watch.outcome.second_at = watch.load.since_signal(server.signal(self.number))
                watch.load.later(min(HURRY, self.grace), watch.give_up)

        watch.load.later(min(SETTLE, offer.slow.seconds / 2), begin)
        return watch.run()

    def under_load(
        self, server: ServerProcess, offer: Offer, plan: Plan, draw: random.Random
    ) -> Outcome:
        """Stop it in the middle of everything."""
        watch = Watch(server, Scene.LOAD, self)
        watch.outcome.frozen = plan.frozen
        load, counts = watch.load, plan.counts
        half_heads: list[clients.HalfHead] = []
        idle: list[clients.Idle] = []
        latest = time.monotonic() + BUSY_TIME

        def begin_tasks() -> None:
            # On a busy machine the idle ones may still wait for the answer that makes them so.
            if not all(client.idle for client in idle) and time.monotonic() < latest:
                load.later(LOOK_INTERVAL, begin_tasks)
                return
            load.later(plan.signal_at, freeze)
            for _ in range(counts.in_flight):
                clients.InFlight(load, offer.slow)
            for _ in range(counts.slow_upload if offer.upload else 0):
                assert offer.upload is not None
                clients.SlowUpload(load, offer.upload, plan.task_time, clients.upload_body(draw))
            for _ in range(counts.slow_reader if offer.large else 0):
                assert offer.large is not None
                clients.SlowReader(load, offer.large, plan.task_time)
            half_heads.extend(
                clients.HalfHead(load, offer.quickest) for _ in range(counts.half_head)
            )

        def freeze() -> None:
            if plan.frozen:
                server.group.signal(signal.SIGSTOP)
            for number in range(counts.queued):
                clients.Queued(load, offer.plain[number % len(offer.plain)])
            load.later(QUEUE_TIME if plan.frozen else 0.0, stop_server)

        def stop_server() -> None:
            load.note_in_flight()
            watch.send()
            if plan.frozen:
                server.group.signal(signal.SIGCONT)
            load.later(plan.half_heads_go_on, go_on)

        def go_on() -> None:
            for half_head in half_heads:
                half_head.go_on()

        if offer.keeps_alive:
            for _ in range(counts.keep_alive):
                clients.KeepAlive(load, offer.quickest)
            idle.extend(clients.Idle(load, offer.quickest) for _ in range(counts.idle))
        if offer.pipelines:
            pipelined = clients.Pipelined if offer.quick else clients.PipelinedPair
            for _ in range(counts.pipelined):
                pipelined(load, offer.quickest)
        watch.newcomers = clients.Newcomers(load, offer.plain, counts.interval)
        load.later(TASKS_BEGIN, begin_tasks)
        return watch.run()


class Watch:
    """A load on a server that is going to be told to stop, until its end and a little longer."""

    def __init__(self, server: ServerProcess, scene: Scene, stop: Stop) -> None:
        self.server = server
        self.stop = stop
        self.load = Load(server.address)
        self.outcome = Outcome(scene, self.load.account)
        self.newcomers: clients.Newcomers | None = None
        self.gave_up = False

    def run(self) -> Outcome:
        """Drive the load to its end; return what it came to.

        Raises CannotRun if the server ends before it was told to.
        """
        self._look()
        self.load.run()
        outcome, server = self.outcome, self.server
        if self.load.signalled is None:
            raise server.failure("before the signal")
        # Once we hang up, a server may leave that has only waited for that.
        if not self.gave_up and server.ended is not None:
            outcome.exit_time = max(0.0, server.ended - self.load.signalled)
            outcome.exit_code = server.code
            self._look_for_the_left()
        outcome.lines = server.last_lines
        return outcome

    def send(self) -> None:
        """Send the signal; from now on the grace runs."""
        if self.server.over.is_set():
            self.load.over = True
            return
        self.load.signalled = self.server.signal(self.stop.number)
        self.load.later(self.stop.grace, self.give_up)

    def give_up(self) -> None:
        """Stop watching, unless the server has ended in the meantime."""
        self.gave_up = self.load.over = not self.server.over.is_set()

    def _look(self) -> None:
        if not self.server.over.is_set():
            self.load.later(LOOK_INTERVAL, self._look)
            return
        if self.newcomers is not None:
            self.newcomers.done = True
        assert self.server.ended is not None
        settled = not self.load.connections or self.load.signalled is None
        self.load.over = settled or time.monotonic() > self.server.ended + AFTERMATH
        self.load.later(LOOK_INTERVAL, self._look)

    def _look_for_the_left(self) -> None:
        _wait_until(lambda: not self.server.group.members(), FOLLOW_TIME)
        self.outcome.left = [name_of(pid) for pid in self.server.group.members()]
        self.outcome.listening = self.server.listening()


def _wait_until(condition: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)  # nobody tells us: they need not be children of ours
