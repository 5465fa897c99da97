"""Stopping a server cleanly: when the process is gone, as its parent sees it.

Acceptance tests C1 to C4, C8, C9, C13 and C14.  A time that is missed is measured again, up
to twenty times: busy cores make anybody late, but what is wrong with us is wrong every time.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.console.processes import Program, attempt

#: Seconds in which a stop is to be done.
AT_ONCE = 0.100


@pytest.fixture
def path(place: Path) -> Path:
    return place / "attempt.console"


def in_time(limit: float, measure: Callable[[], float]) -> bool:
    """Whether one of twenty measurements is within the limit (seconds)."""
    return any(measure() < limit for _ in range(20))


def stop_time(path: Path, *options: str, after: float = 0.0) -> float:
    """Seconds from the operator's stop to the end of the process, which is a clean one."""
    with attempt(path, *options) as program:
        program.wait_until_ready()
        time.sleep(after)
        asked = program.stop()
        status, said, errors = program.end()
        assert (status, said.splitlines()[-1]) == (0, "threads 1"), errors
        assert not path.exists()
        return program.gone - asked


def test_a_stop_does_not_wait_for_the_inactivity_limit(path: Path) -> None:
    """C1."""
    assert in_time(AT_ONCE, lambda: stop_time(path, "--inactivity", "20", after=0.5))


def test_a_stop_does_not_wait_for_a_thousand_timers(path: Path) -> None:
    """C1, again with 1 000 timers pending, the longest of an hour."""
    options = ("--inactivity", "20", "--timers", "1000")
    assert in_time(AT_ONCE, lambda: stop_time(path, *options, after=0.5))


@pytest.mark.slow
def test_a_pending_timer_delays_a_stop_by_less_than_5_ms(path: Path) -> None:
    """C2: medians of 20 runs each, taken in turn."""

    def difference() -> float:
        without, with_one = [], []
        for _ in range(20):
            without.append(stop_time(path))
            with_one.append(stop_time(path, "--inactivity", "20"))
        return statistics.median(with_one) - statistics.median(without)

    assert in_time(0.005, difference)


def test_when_nobody_types_it_ends_by_itself(path: Path) -> None:
    """C3."""

    def duration() -> float:
        with attempt(path, "--inactivity", "1") as program:
            program.wait_until_ready()
            began = time.monotonic()
            status, said, errors = program.end()
            assert (status, said, errors) == (0, "threads 1\n", "")
            assert not path.exists()
            return program.gone - began

    assert in_time(1.1, duration)


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [("exception", 1, "ValueError: on purpose"), ("thread_exits", 0, "")],
)
def test_the_wait_for_operators_never_outlives_the_server(
    path: Path, kind: str, status: int, error: str
) -> None:
    """C4."""
    with attempt(path, "--main", kind) as program:
        program.wait_until_ready()
        ended, said, errors = program.end()
    assert (ended, said) == (status, "threads 1\n")
    assert error in errors
    assert not path.exists()


def test_a_forked_child_neither_keeps_nor_takes_away_the_console(path: Path) -> None:
    """C4."""
    with attempt(path, "--main", "fork") as program:
        assert program.line() == "child [] 1"
        assert program.line() == "threads 1"  # the child's end
        assert program.line() == "ready"
        assert path.exists()
        program.stop()
        status, said, errors = program.end()
    assert (status, said.splitlines()[-1], errors) == (0, "threads 1", "")
    assert not path.exists()


def quiet_time(program: Program, seconds: float) -> tuple[dict[str, int], int]:
    """How often each thread wakes in that time, and the processor time used, in ticks."""

    def look() -> tuple[dict[str, int], int]:
        folder = Path(f"/proc/{program.process.pid}")
        switches = {}
        for task in (folder / "task").iterdir():
            lines = (task / "status").read_text().splitlines()
            found = dict(line.split(":", 1) for line in lines)
            switches[task.name] = int(found["voluntary_ctxt_switches"])
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        return switches, int(fields[11]) + int(fields[12])

    before, ticks_before = look()
    time.sleep(seconds)
    after, ticks_after = look()
    return {task: after[task] - before[task] for task in before}, ticks_after - ticks_before


@pytest.mark.slow
def test_nobody_wakes_while_nothing_happens(path: Path) -> None:
    """C8: counted from outside, over 5 s."""
    with attempt(path, "--inactivity", "60", "--timers", "10") as program:
        program.wait_until_ready()
        time.sleep(0.5)  # until everybody sleeps
        switches, ticks = quiet_time(program, 5.0)
    assert len(switches) == 3  # the main thread, the waiter and the runner
    assert set(switches.values()) == {0}
    assert ticks == 0


@pytest.mark.slow
def test_a_stop_is_as_quick_at_any_moment(path: Path) -> None:
    """C9: the worst of 50; a moment that was slow is tried again.

    They are started five at a time, for that is what takes long, and stopped one after the other.
    """
    moments = random.Random(9)
    slow: list[float] = []
    for _ in range(10):
        with ExitStack() as stack:
            programs = []
            for number in range(5):
                program = attempt(path.with_name(f"{number}.console"), "--inactivity", "20")
                programs.append(stack.enter_context(program))
            for program in programs:
                program.wait_until_ready()
            for program in programs:
                after = moments.uniform(0.0, 0.1)  # behind the one before
                time.sleep(after)
                asked = program.stop()
                assert program.end()[0] == 0
                if program.gone - asked >= AT_ONCE:
                    slow.append(after)
    for after in slow:
        assert in_time(
            AT_ONCE, lambda after=after: stop_time(path, "--inactivity", "20", after=after)  # type: ignore[misc]
        )


@pytest.mark.parametrize("kind", ["sleep", "recv", "compute"])
@pytest.mark.parametrize("how", ["operator", "signal"])
def test_a_main_thread_that_does_not_listen_is_stopped_all_the_same(
    path: Path, kind: str, how: str
) -> None:
    """C14."""

    def duration() -> float:
        with attempt(path, "--main", kind) as program:
            program.wait_until_ready()
            asked = program.stop() if how == "operator" else program.signal()
            status, said, errors = program.end()
            assert (status, said, errors) == (0, "called Stop\nthreads 1\n", "")
            return program.gone - asked

    assert in_time(2 * AT_ONCE, duration)


def test_a_callback_that_never_returns_keeps_no_program_from_its_end(path: Path) -> None:
    """C13: the request is noticed at once; the end waits at most for the limits of the clean-up."""
    with attempt(path, "--blocking-callback") as program:
        program.wait_until_ready()
        asked = program.stop()
        status, _, _ = program.end()
    assert status == 0
    assert program.gone - asked < 4.0


def test_a_loop_that_runs_is_stopped_by_the_operator(path: Path) -> None:
    assert in_time(AT_ONCE, lambda: stop_time(path, "--main", "loop"))


def test_a_loop_that_is_stuck_is_left_at_the_third_stop(path: Path) -> None:
    """C14: as with signals, see how-to/stop-a-server.md."""
    with attempt(path, "--main", "stuck") as program:
        program.wait_until_ready()
        time.sleep(0.1)  # until it counts as stuck
        for _ in range(3):
            asked = program.stop()
        status, _, _ = program.end()
    assert status == 4
    assert program.gone - asked < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [(), (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)])
def test_a_loop_that_does_not_notice_three_stops_has_no_patience_left(
    path: Path, numbers: tuple[int, ...]
) -> None:
    """C14: also when it is too early to tell that it is stuck.

    numbers: of the signals; none, if an operator asks.
    """
    with attempt(path, "--main", "slow") as program:
        program.wait_until_ready()
        asks = [partial(program.signal, number) for number in numbers] or [program.stop] * 3
        asked = max(ask() for ask in asks)
        status, _, errors = program.end()
    assert status == 1
    assert 2.0 < program.gone - asked < 4.0
    assert "Timeout" in errors


@pytest.mark.slow
def test_a_loop_that_is_stuck_does_not_outlast_all_patience(path: Path) -> None:
    """C14: the watchdog ends it, 2 s behind its patience."""
    with attempt(path, "--main", "bounded") as program:
        program.wait_until_ready()
        asked = program.stop()
        status, _, errors = program.end()
    assert status == 1
    assert 2.0 < program.gone - asked < 4.0
    assert "Timeout" in errors


def test_a_stop_by_the_operator_and_one_by_a_signal_are_one(path: Path) -> None:
    with attempt(path, "--main", "wait") as program:
        program.wait_until_ready()
        os.kill(program.process.pid, signal.SIGTERM)
        status, said, errors = program.end()
    assert (status, said, errors) == (0, "called Stop\nthreads 1\n", "")
