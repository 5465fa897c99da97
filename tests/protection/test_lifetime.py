"""A protected block takes part in the stop of a Lifetime: by name, up to its window."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lifetime import EXIT_FORCED, Lifetime, Patience, Phase
from lifetime.asyncore import ExitNow
from lifetime.inquiry import guests
from lifetime.protection import (
    ProtectedBlock,
    ShutdownImminentException,
    ShutdownProtection,
    configure_shutdown_manager,
    pending_shutdown,
    request_shutdown,
)
from lifetime.walk import TICK
from tests.lifetime.members import Member, watched
from tests.protection.programs import TOO_LONG, ask, in_thread, run


@pytest.fixture
def loop() -> Iterator[Lifetime]:
    """A Lifetime with a map of its own."""
    lifetime = Lifetime()
    yield lifetime
    for member in list(lifetime.map.values()):
        member.close()
    lifetime.poller.close()


class Job:
    """A thread in a block, until the phase is as told or somebody lets it go."""

    def __init__(self, window: float = 60.0, name: str | None = None) -> None:
        self.window = window
        self.name = name
        self.protected = threading.Event()
        self.may_end = threading.Event()
        self.pending: list[bool] = []

    def __call__(self) -> None:
        with ShutdownProtection(self.window, name=self.name) as block:
            self.protected.set()
            self.may_end.wait(TOO_LONG)
            self.pending.append(block.pending)


def serve(loop: Lifetime, job: Job, *events: tuple[float, Callable[[], object]]) -> int:
    """Run the Lifetime with the job in a thread, and do these so many seconds behind the begin."""
    codes: list[int] = []
    Member(loop)
    configure_shutdown_manager()
    with in_thread(job):
        job.protected.wait(TOO_LONG)
        for delay, event in events:
            loop.call_later(delay, event)
        with watched(loop):
            codes.append(loop.run())
        job.may_end.set()
    return codes[0]


def in_phase(loop: Lifetime, wanted: Phase, callback: Callable[[], object]) -> None:
    """Call this when that phase is entered."""

    def follow(phase: Phase) -> None:
        if phase is wanted:
            callback()

    loop.on_phase(follow)


def test_a_block_in_another_thread_holds_phase_3_by_name(loop: Lifetime) -> None:
    job = Job(name="monthly report")
    in_phase(loop, Phase.DRAINING, lambda: loop.call_later(0.1, job.may_end.set))
    assert serve(loop, job, (0.0, ask)) == 0
    assert [(veto.owner, veto.phase) for veto in loop.report.vetoes] == [("monthly report", 3)]
    assert loop.report.vetoes[0].reason.startswith("runs in thread Thread-")


def test_a_block_without_a_name_is_called_after_its_function(loop: Lifetime) -> None:
    job = Job()
    in_phase(loop, Phase.DRAINING, lambda: loop.call_later(0.1, job.may_end.set))
    serve(loop, job, (0.0, ask))
    assert loop.report.vetoes[0].owner == "protected block in __call__()"


def test_the_phase_ends_with_the_block_and_not_a_second_later(loop: Lifetime) -> None:
    delays: list[float] = []

    def measure() -> float:
        lifetime = Lifetime()
        job = Job()
        ended: list[float] = []

        def end() -> None:
            ended.append(time.monotonic())
            job.may_end.set()

        in_phase(lifetime, Phase.DRAINING, lambda: threading.Timer(0.05, end).start())
        in_phase(
            lifetime, Phase.TERMINATED, lambda: delays.append(time.monotonic() - ended[0])
        )
        serve(lifetime, job, (0.0, ask))
        lifetime.poller.close()
        return delays[-1]

    assert min(measure() for _ in range(5)) < 0.05


class Ending:
    """A guest that vetoes phase 3 once; asked again, behind a block, it ends that block."""

    def __init__(self, job: Job, thread: threading.Thread) -> None:
        self.job = job
        self.thread = thread
        self.asked = 0

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> bool:
        if phase == Phase.DRAINING:
            self.asked += 1
        if self.asked < 2:
            return phase == Phase.DRAINING
        self.job.may_end.set()
        self.thread.join(TOO_LONG)
        return False


def test_a_block_that_ends_between_the_question_and_the_wait_is_not_waited_for(
    loop: Lifetime,
) -> None:
    Member(loop)
    configure_shutdown_manager()
    job = Job()
    with in_thread(job) as thread:
        job.protected.wait(TOO_LONG)
        guests[-1] = Ending(job, thread)
        in_phase(loop, Phase.DRAINING, lambda: loop.call_later(0.05, lambda: None))
        loop.call_later(0.0, ask)
        with watched(loop):
            assert loop.run() == 0
        del guests[-1]
    assert loop.report.seconds < TICK / 2


def test_a_veto_lasts_for_the_window_and_no_longer(loop: Lifetime) -> None:
    assert serve(loop, Job(window=0.3), (0.0, ask)) == 0
    assert 0.0 < loop.report.vetoes[0].seconds <= 0.5
    assert loop.report.seconds < 10


def test_the_patience_of_the_lifetime_is_not_extended(loop: Lifetime) -> None:
    loop.patience = Patience(phase=0.2)
    assert serve(loop, Job(), (0.0, ask)) == EXIT_FORCED


def test_a_block_holds_a_lifetime_whose_map_is_empty(loop: Lifetime) -> None:
    member = Member(loop)
    job = Job()
    in_phase(loop, Phase.REFUSING, member.close)
    in_phase(loop, Phase.DRAINING, lambda: threading.Timer(0.1, job.may_end.set).start())
    configure_shutdown_manager()
    with in_thread(job):
        job.protected.wait(TOO_LONG)
        loop.call_later(0.0, ask)
        with watched(loop):
            assert loop.run() == 0
        assert job.pending == [True]  # it has ended
    assert [veto.phase for veto in loop.report.vetoes] == [3]


@pytest.mark.parametrize(
    "stop",
    [ask, lambda: None, request_shutdown],
    ids=["signal", "shutdown", "request"],
)
def test_however_the_stop_was_asked_for_a_block_sees_it(
    loop: Lifetime, stop: Callable[[], object]
) -> None:
    job = Job()
    in_phase(loop, Phase.DRAINING, job.may_end.set)
    serve(loop, job, (0.0, loop.shutdown if stop not in (ask, request_shutdown) else stop))
    assert job.pending == [True]


def test_a_stop_that_was_taken_back_is_no_longer_pending(loop: Lifetime) -> None:
    job = Job()
    taken_back: list[bool] = []

    def take_back() -> None:
        loop.resume()
        taken_back.append(pending_shutdown() is None)

    in_phase(loop, Phase.WITHDRAWING, lambda: taken_back or loop.call_soon_threadsafe(take_back))
    loop.patience = Patience(withdraw_minimum=0.2)
    in_phase(loop, Phase.DRAINING, job.may_end.set)
    serve(loop, job, (0.0, loop.shutdown), (0.5, loop.shutdown))
    assert taken_back == [True]


def test_nothing_is_pending_behind_the_stop(loop: Lifetime) -> None:
    job = Job()
    in_phase(loop, Phase.DRAINING, job.may_end.set)
    serve(loop, job, (0.0, ask))
    assert pending_shutdown() is None


def test_nothing_is_pending_behind_a_stop_that_somebody_has_left_by_an_exception(
    loop: Lifetime,
) -> None:
    def leave(phase: int, time_in_phase: float) -> bool:
        raise ExitNow

    Member(loop, leave)
    configure_shutdown_manager()
    loop.call_later(0.0, loop.shutdown)
    with pytest.raises(ExitNow):
        loop.run()
    assert pending_shutdown() is None
    with ShutdownProtection() as block:
        assert not block.pending


def test_a_breaking_point_ends_the_block_and_lets_the_phase_go(loop: Lifetime) -> None:
    done: list[str] = []
    protected, asked = threading.Event(), threading.Event()

    def work() -> None:
        with ShutdownProtection(60) as block:
            protected.set()
            asked.wait(TOO_LONG)
            block.allow_break()
            done.append("body")
        done.append("behind")

    Member(loop)
    configure_shutdown_manager()
    in_phase(loop, Phase.DRAINING, asked.set)
    with in_thread(work):
        protected.wait(TOO_LONG)
        loop.call_later(0.0, ask)
        with watched(loop):
            assert loop.run() == 0
    assert done == ["behind"]


# In the loop's own thread


def test_a_block_in_the_loops_thread_completes_and_the_stop_begins_behind_it(
    loop: Lifetime,
) -> None:
    done: list[object] = []

    def handle() -> None:
        with ShutdownProtection(60) as block:
            ask()
            done.append((block.pending, loop.phase))
        done.append("behind")

    Member(loop)
    loop.call_later(0.0, handle)
    with watched(loop):
        assert loop.run() == 0
    assert done == [(True, Phase.RUNNING), "behind"]


def test_a_breaking_point_in_the_loops_thread_ends_the_block_and_not_the_loop(
    loop: Lifetime,
) -> None:
    done: list[str] = []

    def handle() -> None:
        with ShutdownProtection(60) as block:
            ask()
            block.allow_break()
            done.append("body")
        done.append("behind")

    Member(loop)
    loop.call_later(0.0, handle)
    with watched(loop):
        assert loop.run() == 0
    assert done == ["behind"]


def test_a_block_that_overruns_in_the_loops_thread_is_ended_and_the_loop_walks_its_phases(
    loop: Lifetime,
) -> None:
    done: list[str] = []

    def handle() -> None:
        with ShutdownProtection(0.1), ShutdownProtection(0.05):
            ask()
            time.sleep(20)
            done.append("body")
        done.append("behind")

    Member(loop)
    loop.call_later(0.0, handle)
    with watched(loop):
        assert loop.run() == 0
    assert done == ["behind"]
    assert loop.report.seconds < 5


def test_a_block_around_the_loop_does_not_hold_it(loop: Lifetime) -> None:
    Member(loop)
    loop.call_later(0.0, ask)
    with watched(loop), ShutdownProtection(60) as block:
        assert loop.run() == 0
        assert block.active
    assert loop.report.vetoes == []


def test_a_block_around_the_loop_is_not_interrupted_for_it(loop: Lifetime) -> None:
    Member(loop)
    loop.call_later(0.0, lambda: [ask(), time.sleep(0.2)])
    ended: list[tuple[int, bool]] = []
    with watched(loop), ShutdownProtection(0.001) as block:
        ended.append((loop.run(), block.active))
    assert ended == [(0, True)]  # here, for the block would swallow its own interruption


def begin_by_hand(window: float) -> object:
    block = ProtectedBlock(window, name="long job")
    block.protect()
    return block


def begin_in_a_generator(window: float) -> object:
    def generate() -> Iterator[None]:
        with ShutdownProtection(window, name="long job"):
            yield

    generator = generate()
    next(generator)
    return generator


@pytest.mark.parametrize("begin", [begin_by_hand, begin_in_a_generator])
def test_a_block_that_lasts_for_several_turns_of_the_loop_holds_phase_3_up_to_its_window(
    loop: Lifetime, begin: Callable[[float], object]
) -> None:
    kept: list[object] = []
    Member(loop)
    loop.call_later(0.0, lambda: kept.append(begin(0.3)))
    loop.call_later(0.05, ask)
    with watched(loop):
        assert loop.run() == 0
    assert [(veto.owner, veto.phase) for veto in loop.report.vetoes] == [("long job", 3)]
    assert loop.report.seconds < 5


def test_a_handler_is_not_interrupted_for_a_block_of_an_earlier_turn(loop: Lifetime) -> None:
    kept: list[object] = []
    done: list[str] = []
    Member(loop)
    loop.call_later(0.0, lambda: kept.append(begin_in_a_generator(0.2)))
    loop.call_later(0.05, lambda: [ask(), time.sleep(0.4), done.append("handled")])
    with watched(loop):
        assert loop.run() == 0
    assert done == ["handled"]


def test_the_loop_is_not_interrupted_while_it_waits_for_a_block_of_its_last_turn(
    loop: Lifetime,
) -> None:
    kept: list[object] = []

    def begin(phase: int, time_in_phase: float) -> bool:
        if phase == Phase.DRAINING and not kept:
            kept.append(begin_in_a_generator(0.1))
        return False

    Member(loop, begin)
    loop.call_later(0.0, ask)
    with watched(loop):
        assert loop.run() == 0
    assert [(veto.owner, veto.phase) for veto in loop.report.vetoes] == [("long job", 3)]


def test_a_block_by_hand_that_overruns_in_the_loops_thread_ends_by_itself(loop: Lifetime) -> None:
    done: list[str] = []

    def handle() -> None:
        block = ProtectedBlock(0.05)
        block.protect()
        ask()
        time.sleep(0.2)
        block.unprotect()
        done.append("behind")

    Member(loop)
    loop.call_later(0.0, handle)
    with watched(loop):
        assert loop.run() == 0
    assert done == ["behind"]


def test_a_handler_may_begin_a_block_in_every_phase(loop: Lifetime) -> None:
    done: list[int] = []

    def answer(phase: Phase) -> None:
        with ShutdownProtection(60):
            done.append(int(phase))

    Member(loop)
    loop.on_phase(answer)
    loop.call_later(0.0, ask)
    with watched(loop):
        loop.run()
    assert done == [1, 2, 3, 4]


# Other threads' next blocks


def test_a_thread_may_begin_a_block_before_phase_3_but_not_then(loop: Lifetime) -> None:
    phases: list[int] = []

    def work() -> None:
        try:
            while True:
                with ShutdownProtection(60):
                    phases.append(int(loop.phase))
                time.sleep(0.001)
        except ShutdownImminentException:
            phases.append(99)

    Member(loop, lambda phase, spent: phase in (1, 3) and spent < 0.2)
    configure_shutdown_manager()
    with in_thread(work):
        loop.call_later(0.1, ask)
        with watched(loop):
            loop.run()
    assert 1 in phases
    assert phases[-1] == 99
    assert phases.count(3) <= 1  # it had begun when the phase was


def test_without_handlers_of_ours_a_thread_may_begin_while_a_lifetime_handles_signals(
    loop: Lifetime,
) -> None:
    job = Job()
    Member(loop)
    thread = threading.Thread(target=job)
    loop.call_later(0.0, thread.start)
    loop.call_later(0.1, ask)
    in_phase(loop, Phase.DRAINING, job.may_end.set)
    with watched(loop):
        assert loop.run() == 0
    thread.join(TOO_LONG)
    assert job.pending == [True]


# The handlers


def test_the_handlers_of_the_lifetime_stay_in_place(loop: Lifetime) -> None:
    seen: list[bool] = []

    def handle() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with ShutdownProtection():
            seen.append(signal.getsignal(signal.SIGTERM) == before)

    Member(loop)
    loop.call_later(0.0, handle)
    loop.call_later(0.05, ask)
    with watched(loop):
        loop.run()
    assert seen == [True]


def test_behind_the_lifetime_ours_are_back_at_the_first_block() -> None:
    program = """
        from lifetime import Lifetime
        loop = Lifetime()
        loop.shutdown()
        loop.call_later(0, lambda: ShutdownProtection().__enter__().unprotect())
        assert loop.run() == 0
        with ShutdownProtection(60):
            ask("SIGTERM")
            say("body")
        say("never")
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (143, "body\n")


def test_two_lifetimes_in_two_threads_are_both_held(loop: Lifetime) -> None:
    other = Lifetime()
    Member(other)
    job = Job()
    in_phase(loop, Phase.DRAINING, lambda: loop.call_later(0.1, job.may_end.set))
    with in_thread(lambda: other.loop()):
        serve(loop, job, (0.0, other.shutdown), (0.0, ask))
    other.poller.close()
    assert [veto.phase for veto in other.report.vetoes] == [3]
    assert [veto.phase for veto in loop.report.vetoes] == [3]
