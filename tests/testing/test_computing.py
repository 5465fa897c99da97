"""Whoever computes for ever ends the run with a sentence that names him."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from lifetime.testing import Scenario, SimulationLimit, World, simulate
from lifetime.testing.world.threads import Threads
from tests.testing.small import Member, member

IMPATIENT = 0.2  # seconds of the processor's time

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Threads, "real_patience", IMPATIENT)
    yield
    assert signal.getsignal(signal.SIGPROF) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def busy(world: World, until: float = math.inf) -> None:
    """Build a member that computes when it is asked, up to a time of the processor's."""
    clock = time.process_time  # the real one

    class Busy(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            while clock() < until:
                pass
            return super().clean_shutdown_control(phase, time_in_phase)

    Busy(world)


def test_a_hook_that_never_returns_is_named() -> None:
    place = r"it is in clean_shutdown_control\(\) \(test_computing\.py, line \d+\)"
    with pytest.raises(SimulationLimit, match=place):
        simulate(busy, Scenario())


def test_whoever_catches_everything_ends_the_run_as_well() -> None:
    caught: list[str] = []

    def catches(world: World) -> None:
        class CatchAll(Member):
            def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
                try:
                    while phase == 1:
                        sum(range(1000))
                except BaseException as error:  # as asyncore's `except:` does
                    caught.append(type(error).__name__)
                return super().clean_shutdown_control(phase, time_in_phase)

        CatchAll(world, vetoes=1.0)

    with pytest.raises(SimulationLimit, match="makes no step"):
        simulate(catches, Scenario())
    assert caught == ["SimulationLimit"]


def test_a_run_of_many_steps_may_take_its_time() -> None:
    clock = time.process_time

    def compute() -> None:
        until = clock() + IMPATIENT / 5
        while clock() < until:
            pass

    def ticks(world: World) -> None:
        Member(world)
        world.lifetime.call_every(0.05, compute)

    begun = clock()
    assert simulate(ticks, Scenario(rest=1.0)).breach is None
    assert clock() - begun > 3 * IMPATIENT


def test_a_signal_that_somebody_else_has_is_left_to_him() -> None:
    def theirs(number: int, frame: object) -> None:
        """Somebody's profiler."""

    old = signal.signal(signal.SIGPROF, theirs)
    try:
        simulate(member, Scenario())
        assert signal.getsignal(signal.SIGPROF) is theirs
    finally:
        signal.signal(signal.SIGPROF, old)


def test_in_another_thread_nobody_is_interrupted() -> None:
    outcomes: list[object] = []
    until = time.process_time() + 4 * IMPATIENT

    def run() -> None:
        outcomes.append(simulate(lambda world: busy(world, until), Scenario()).breach)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30.0)
    assert outcomes == [None]
