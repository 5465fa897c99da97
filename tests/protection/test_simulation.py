"""A simulated world and the real process around it: neither protects the other's code."""

from __future__ import annotations

import signal
import threading
import time

from lifetime.inquiry import guests
from lifetime.protection import ShutdownProtection, configure_shutdown_manager
from lifetime.testing import Scenario, Stop, World, simulate
from tests.protection.programs import TOO_LONG, in_thread
from tests.testing.small import Member, member


class Protecting(Member):
    """Answers in a block, and has a thread that is in one for a second."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        configure_shutdown_manager()
        threading.Thread(target=self.work).start()

    def work(self) -> None:
        with ShutdownProtection(60):
            time.sleep(1.0)

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        with ShutdownProtection(60) as block:
            block.allow_break()
            return super().clean_shutdown_control(phase, time_in_phase)


def test_a_real_block_holds_no_simulated_stop_and_hears_of_none() -> None:
    pending: list[bool] = []

    class Looking(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            pending.append(block.pending)
            return super().clean_shutdown_control(phase, time_in_phase)

    with ShutdownProtection(60) as block:
        run = simulate(lambda world: Looking(world), Scenario((Stop(),)))
    assert run.breach is None
    assert pending == [False] * 3


def test_a_real_block_of_another_thread_holds_no_simulated_stop() -> None:
    configure_shutdown_manager()
    protected, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with ShutdownProtection(60):
            protected.set()
            may_end.wait(TOO_LONG)

    with in_thread(work):
        protected.wait(TOO_LONG)
        run = simulate(member, Scenario((Stop(),)))
        may_end.set()
    assert run.breach is None


def test_a_block_of_a_simulated_server_installs_nothing_and_leaves_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM), threading.active_count()
    run = simulate(lambda world: Protecting(world), Scenario((Stop(after=2.0),)))
    assert run.breach is None
    assert not guests
    assert (signal.getsignal(signal.SIGTERM), threading.active_count()) == before
