"""The threads of code under test take turns, as the tape says, in virtual time."""

from __future__ import annotations

import _thread
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifetime.testing.world.limits import SimulationLimit
from lifetime.testing.world.locks import Lock
from lifetime.testing.world.patches import Patches
from lifetime.testing.world.tape import Tape
from lifetime.testing.world.threads import Deadlock, Threads

MADE_BEFORE = threading.Lock()

#: Real seconds; what is to fail at a limit need not take long.
IMPATIENT = 0.2


class World:
    """The least that simulated threads need: a clock, a tape, and somebody who notes."""

    def __init__(self, tape: tuple[int, ...] = ()) -> None:
        self.now = 0.0
        self.noted: list[tuple[str, str]] = []
        self.blocked: list[float] = []
        self.said: list[Any] = []  # by the code under test
        self.happenings: list[tuple[float, Callable[[], object]]] = []
        self.threads = Threads(
            lambda: self.now,
            Tape(tape).pick,
            lambda name, state: self.noted.append((name, state)),
            self.advance,
            self.blocked.append,
            lambda: min((when for when, _ in self.happenings), default=None),
        )

    def advance(self, to: float) -> None:
        self.now = max(self.now, to)
        for happening in [each for each in self.happenings if each[0] <= self.now]:
            self.happenings.remove(happening)
            happening[1]()

    def settle(self) -> None:
        """Let everybody go on until nobody can."""
        while True:
            while self.threads.run_ready():
                pass
            wake = self.threads.next_wake()
            if wake is None:
                return
            self.now = wake

    def start(self, target: Callable[..., object], *args: Any, name: str = "t") -> threading.Thread:
        thread = threading.Thread(target=target, args=args, name=name)
        thread.start()
        return thread

    def __enter__(self) -> World:
        self._patches = Patches()
        self._patches.exchange(self.threads.patches())
        self._patches.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.threads.shut_down()
        finally:
            self._patches.__exit__(None, None, None)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


# When a thread runs


def test_a_thread_does_nothing_before_it_is_let_on(world: World) -> None:
    world.start(world.said.append, "ran")
    assert world.said == []


def test_a_thread_that_is_let_on_runs_to_its_end(world: World) -> None:
    world.start(world.said.append, "ran")
    assert world.threads.run_ready()
    assert world.said == ["ran"]


def test_a_thread_has_ended_when_it_is_noted_to_have(world: World) -> None:
    thread = world.start(world.said.append, "ran")
    world.threads.run_ready()
    assert not thread.is_alive()


def test_without_threads_there_is_nothing_to_let_on(world: World) -> None:
    assert not world.threads.run_ready()
    assert world.threads.next_wake() is None


def test_a_thread_that_was_made_before_the_world_takes_part() -> None:
    said: list[str] = []
    thread = threading.Thread(target=said.append, args=("ran",))
    with World() as world:
        thread.start()
        assert said == []
        world.settle()
    assert said == ["ran"]


def test_a_subclass_with_a_run_method_takes_part(world: World) -> None:
    class Legacy(threading.Thread):
        def run(self) -> None:
            world.said.append(threading.current_thread())

    thread = Legacy()
    thread.start()
    world.settle()
    assert world.said == [thread]


def test_a_thread_of_the_low_level_interface_takes_part(world: World) -> None:
    _thread.start_new_thread(world.said.append, ("ran",))
    assert world.said == []
    world.settle()
    assert world.said == ["ran"]


def test_a_thread_that_a_thread_starts_waits_for_its_turn(world: World) -> None:
    def parent() -> None:
        world.start(world.said.append, "child", name="child")
        world.said.append("parent")

    world.start(parent)
    world.settle()
    assert world.said == ["parent", "child"]


def test_a_thread_can_be_started_once_only(world: World) -> None:
    thread = world.start(world.said.append, "ran")
    with pytest.raises(RuntimeError, match="only be started once"):
        thread.start()


def test_a_thread_keeps_its_wish_to_be_a_daemon_or_none(world: World) -> None:
    assert not world.start(world.said.append, "ran").daemon


@pytest.mark.parametrize(("tape", "order"), [((), "abc"), ((2, 1), "cba"), ((1,), "bac")])
def test_the_tape_says_who_goes_on(tape: tuple[int, ...], order: str) -> None:
    with World(tape) as world:
        for name in "abc":
            world.start(world.said.append, name)
        world.settle()
    assert "".join(world.said) == order


def test_whether_anybody_lives_can_be_asked(world: World) -> None:
    world.start(print)
    assert world.threads.alive
    world.settle()
    assert not world.threads.alive


def test_who_runs_can_be_asked(world: World) -> None:
    world.start(lambda: world.said.append(world.threads.current), name="worker")
    world.settle()
    assert (world.said, world.threads.current) == (["worker"], None)


def test_a_thread_gives_way_when_the_tape_says_so() -> None:
    # Among two: the first; then it gives way; then the second of two.
    with World((0, 1, 1)) as world:

        def polite() -> None:
            world.threads.give_way()
            world.said.append("polite")

        world.start(polite)
        world.start(world.said.append, "other")
        world.settle()
    assert world.said == ["other", "polite"]


# What is noted


def test_a_thread_begins_goes_on_and_ends(world: World) -> None:
    world.start(time.sleep, 1.0, name="worker")
    world.settle()
    assert world.noted == [("worker", "begins"), ("worker", "goes on"), ("worker", "ends")]


def test_threads_without_a_name_have_the_same_names_in_every_world() -> None:
    def names() -> list[str]:
        with World() as world:
            for _ in range(2):
                threading.Thread(target=print).start()
            return world.threads.left_over()

    assert names() == names() == ["Thread-1 (print)", "Thread-2 (print)"]


def test_two_threads_of_one_name_are_told_apart(world: World) -> None:
    world.start(print, name="worker")
    world.start(print, name="worker")
    assert world.threads.left_over() == ["worker", "worker (2)"]


# Waiting in a thread


def test_a_thread_that_sleeps_wakes_at_its_time(world: World) -> None:
    def sleeper() -> None:
        time.sleep(2.5)
        world.said.append(world.now)

    world.start(sleeper)
    world.threads.run_ready()
    assert world.threads.next_wake() == 2.5
    assert not world.threads.run_ready()
    world.settle()
    assert world.said == [2.5]


def test_sleep_refuses_a_negative_time(world: World) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        time.sleep(-1.0)


def test_an_event_wakes_whoever_waits_for_it(world: World) -> None:
    event = threading.Event()

    def waiter() -> None:
        event.wait()
        world.said.append("woken")

    world.start(waiter)
    world.settle()
    assert world.said == []
    event.set()
    world.settle()
    assert world.said == ["woken"]


def test_an_event_of_before_the_world_wakes_as_well() -> None:
    event = threading.Event()
    with World() as world:
        world.start(lambda: world.said.append(event.wait()))
        world.settle()
        assert world.said == []
        event.set()
        world.settle()
    assert world.said == [True]


@pytest.mark.parametrize(
    "wait_for",
    [
        lambda: threading.Event().wait(3.0),
        lambda: threading.Semaphore(0).acquire(timeout=3.0),
        lambda: queue_get(queue.Queue()),
        lambda: queue_get(queue.SimpleQueue()),
        lambda: queue_get(queue.PriorityQueue()),
        lambda: condition_wait(threading.Condition()),
        lambda: condition_wait_for(threading.Condition()),
        lambda: twice_locked(threading.Lock()),
        lambda: future_result(Future()),
        lambda: bool(wait([Future()], timeout=3.0).done),
    ],
    ids=[
        *("event", "semaphore", "queue", "simple queue", "priority queue", "condition"),
        *("condition for", "lock", "future", "futures"),
    ],
)
def test_a_wait_ends_when_its_time_is_over(world: World, wait_for: Callable[[], bool]) -> None:
    world.start(lambda: world.said.append((wait_for(), world.now)))
    world.settle()
    assert world.said == [(False, 3.0)]


def queue_get(source: Any) -> bool:
    try:
        source.get(timeout=3.0)
    except queue.Empty:
        return False
    return True


def condition_wait(condition: threading.Condition) -> bool:
    with condition:
        return condition.wait(3.0)


def condition_wait_for(condition: threading.Condition) -> bool:
    with condition:
        return condition.wait_for(lambda: False, 3.0)


def twice_locked(lock: threading.Lock) -> bool:
    return lock.acquire() and lock.acquire(timeout=3.0)


def future_result(future: Future[None]) -> bool:
    try:
        future.result(timeout=3.0)
    except TimeoutError:
        return False
    except Exception:  # Python 3.10 has a TimeoutError of its own for futures
        return False
    return True


def test_a_thread_waits_for_a_lock_that_another_holds_asleep(world: World) -> None:
    lock = threading.Lock()

    def hold(seconds: float) -> None:
        with lock:
            time.sleep(seconds)
            world.said.append(world.now)

    world.start(hold, 2.0)
    world.start(hold, 1.0)
    world.settle()
    assert world.said == [2.0, 3.0]


def test_a_lock_of_the_low_level_interface_is_one_like_others(world: World) -> None:
    lock = _thread.allocate_lock()
    lock.acquire()
    world.start(lambda: world.said.append((lock.acquire(True, 2.0), world.now)))
    world.settle()
    assert world.said == [(False, 2.0)]


def test_a_thread_may_take_a_reentrant_lock_again(world: World) -> None:
    lock = threading.RLock()

    def again() -> None:
        with lock, lock:
            world.said.append("in")

    world.start(again)
    world.settle()
    assert world.said == ["in"]


def test_threads_meet_at_a_barrier(world: World) -> None:
    barrier = threading.Barrier(2)

    def meet(seconds: float) -> None:
        time.sleep(seconds)
        barrier.wait()
        world.said.append(world.now)

    world.start(meet, 1.0)
    world.start(meet, 4.0)
    world.settle()
    assert world.said == [4.0, 4.0]


def test_a_thread_joins_another(world: World) -> None:
    first = world.start(time.sleep, 1.0)

    def second() -> None:
        first.join()
        world.said.append(world.now)

    world.start(second)
    world.settle()
    assert world.said == [1.0]


@pytest.mark.parametrize("timeout", [0.0, -1.0])
def test_a_join_for_no_time_takes_none(world: World, timeout: float) -> None:
    world.start(time.sleep, 3.0).join(timeout)
    assert (world.now, world.blocked) == (0.0, [])


def test_a_thread_cannot_join_itself(world: World) -> None:
    def narcissus() -> None:
        with pytest.raises(RuntimeError, match="cannot join current thread"):
            threading.current_thread().join()
        world.said.append("refused")

    world.start(narcissus)
    world.settle()
    assert world.said == ["refused"]


def test_a_join_ends_when_its_time_is_over(world: World) -> None:
    first = world.start(time.sleep, 3.0)

    def second() -> None:
        first.join(1.0)
        world.said.append((world.now, first.is_alive()))

    world.start(second)
    world.settle()
    assert world.said == [(1.0, True)]


def test_a_timer_of_threading_fires_in_virtual_time(world: World) -> None:
    threading.Timer(60.0, lambda: world.said.append(world.now)).start()
    world.settle()
    assert world.said == [60.0]


def test_a_pool_answers_in_virtual_time(world: World) -> None:
    def answer(seconds: float) -> float:
        time.sleep(seconds)
        return world.now

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(answer, seconds) for seconds in (3.0, 1.0, 1.0)]
        assert [future.result() for future in futures] == [3.0, 1.0, 2.0]


def test_a_wait_of_the_world_s_own_ends_when_it_says_so(world: World) -> None:
    arrived: list[bytes] = []

    def reader() -> None:
        world.said.append(world.threads.wait(lambda: bool(arrived), timeout=9.0))

    world.start(reader)
    world.threads.run_ready()
    arrived.append(b"data")
    world.threads.run_ready()
    assert world.said == [True]


# Waiting in the loop's thread


def test_the_loop_s_sleep_lets_the_others_go_on_and_is_told(world: World) -> None:
    def sleeper() -> None:
        time.sleep(1.0)
        world.said.append(world.now)

    world.start(sleeper)
    time.sleep(3.0)
    assert (world.said, world.now, world.blocked) == ([1.0], 3.0, [3.0])


def test_the_loop_waits_for_a_thread_no_longer_than_that_takes(world: World) -> None:
    thread = world.start(time.sleep, 2.0)
    thread.join()
    assert (world.now, world.blocked) == (2.0, [2.0])


def test_a_wait_that_takes_no_time_is_not_told(world: World) -> None:
    thread = world.start(world.said.append, "ran")
    thread.join()
    assert (world.said, world.blocked) == (["ran"], [])


def test_the_loop_waits_for_a_lock_that_a_sleeping_thread_holds(world: World) -> None:
    lock = threading.Lock()

    def holder() -> None:
        with lock:
            time.sleep(2.0)

    world.start(holder)
    world.threads.run_ready()
    with lock:
        assert world.blocked == [2.0]


def test_the_loop_gives_up_when_its_time_is_over(world: World) -> None:
    world.start(time.sleep, 9.0)
    assert not threading.Event().wait(1.0)
    assert world.now == 1.0


def test_a_sleep_of_nothing_lets_one_thread_go_on(world: World) -> None:
    world.start(world.said.append, "ran")
    time.sleep(0)
    assert world.said == ["ran"]


def test_what_happens_in_the_world_ends_the_loop_s_wait(world: World) -> None:
    event = threading.Event()
    world.happenings.append((4.0, event.set))
    assert event.wait()
    assert world.blocked == [4.0]


def test_a_loop_that_waits_for_ever_is_a_deadlock(world: World) -> None:
    world.start(threading.Event().wait, name="idle worker")
    with pytest.raises(Deadlock, match=r"nobody is left .*\(threads that wait as well: idle work"):
        threading.Event().wait()
    assert world.blocked == [math.inf]


def test_a_deadlock_that_somebody_swallows_comes_again(world: World) -> None:
    with pytest.raises(Deadlock):
        threading.Event().wait()
    with pytest.raises(Deadlock):
        world.threads.run_ready()


# The harness's own thread


def test_a_call_in_another_thread_is_made_at_once(world: World) -> None:
    caller = threading.get_ident()
    assert world.threads.run("operator", lambda: world.said.append(threading.get_ident()))
    assert caller not in world.said and len(world.said) == 1


def test_a_call_in_another_thread_that_waits_is_not_over(world: World) -> None:
    assert not world.threads.run("operator", lambda: time.sleep(1.0))
    assert world.threads.next_wake() == 1.0


def test_the_harness_s_thread_is_never_left_over(world: World) -> None:
    world.threads.run("operator", lambda: time.sleep(1.0))
    assert world.threads.left_over() == []


# The end


def test_threads_that_have_not_ended_are_left_over(world: World) -> None:
    world.start(world.said.append, "ran", name="quick")
    world.start(time.sleep, 5.0, name="slow")
    world.start(threading.Event().wait, name="stuck")
    world.threads.run_ready()
    assert world.threads.left_over() == ["slow", "stuck"]


def test_the_end_of_the_world_ends_threads_where_they_wait() -> None:
    with World() as world:

        def waiter() -> None:
            try:
                threading.Event().wait()
            finally:
                world.said.append("cleaned up")

        thread = world.start(waiter)
        world.threads.run_ready()
    assert world.said == ["cleaned up"]
    assert not thread.is_alive()


def test_a_thread_that_never_began_ends_without_having_run() -> None:
    with World() as world:
        thread = world.start(world.said.append, "ran")
    assert (world.said, thread.is_alive()) == ([], False)


def test_a_thread_that_clings_to_life_is_left_behind() -> None:
    with World() as world:

        def clinger() -> None:
            while True:
                try:
                    threading.Event().wait()
                except BaseException:
                    world.said.append("no")

        world.start(clinger)
        world.threads.run_ready()
    assert 1 < len(world.said) < 1000


def test_the_idle_workers_of_a_pool_end_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), World() as world:
        pool = ThreadPoolExecutor(1)
        pool.submit(print)
        world.settle()
        assert world.threads.left_over() == ["ThreadPoolExecutor-0_0"]
    assert caplog.records == []


def test_behind_the_end_of_a_world_that_ended_threads_logging_goes_on() -> None:
    with World() as world:
        world.start(print)
    assert logging.getLogger().isEnabledFor(logging.CRITICAL)


@pytest.mark.parametrize("own", [False, True], ids=["of its class", "of its own"])
def test_a_thread_that_has_ended_has_the_run_method_it_had(world: World, own: bool) -> None:
    thread = threading.Thread(target=print)
    if own:
        thread.run = world.said.clear  # type: ignore[method-assign]
    before = vars(thread).get("run")
    thread.start()
    world.settle()
    assert vars(thread).get("run") == before


def test_an_exception_of_a_thread_reaches_the_hook(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: world.said.append(args.exc_type))
    world.start(lambda: 1 / 0)
    world.settle()
    assert world.said == [ZeroDivisionError]
    assert world.noted[-1] == ("t", "ends")


def test_behind_the_end_everything_is_as_before() -> None:
    def exchanged() -> list[object]:
        return [time.sleep, threading.Lock, threading.Thread.start, queue.SimpleQueue]

    before = exchanged()
    with World():
        pass
    assert exchanged() == before


def test_a_lock_outlives_its_world() -> None:
    with World():
        lock = threading.Lock()
    with lock:
        assert not lock.acquire(timeout=0.01)


def test_a_lock_of_one_world_is_good_in_the_next() -> None:
    with World():
        lock = threading.Lock()
    with World() as world:

        def holder() -> None:
            with lock:
                time.sleep(2.0)

        world.start(holder)
        world.threads.run_ready()
        with lock:
            assert world.blocked == [2.0]


def test_a_world_that_ends_late_leaves_the_next_one_alone() -> None:
    first = World()
    with World() as world:
        first.threads.shut_down()
        world.start(world.said.append, "ran")
        assert world.said == []


def test_a_world_within_another_gives_the_loop_s_thread_back(world: World) -> None:
    with World():
        pass
    world.start(world.said.append, "ran")
    assert world.said == []


def test_a_world_within_another_that_has_ended_gives_nobody_anything_back() -> None:
    outer = World()
    inner = World()
    lock = Lock()
    outer.threads.shut_down()
    inner.threads.shut_down()
    with lock:
        assert not lock.acquire(timeout=0.01)
    assert outer.blocked == []


# Threads of others


def test_threads_of_others_run_and_wait_in_real_time() -> None:
    begin, done = threading.Event(), threading.Event()

    def other() -> None:
        begin.wait(10.0)
        thread = threading.Thread(target=done.set)
        thread.start()
        thread.join(10.0)
        time.sleep(0.001)
        with threading.Lock(), threading.RLock():
            queue.SimpleQueue[int]().put(1)

    thread = threading.Thread(target=other)
    thread.start()
    with World() as world:
        begin.set()
        thread.join(10.0)
        assert (world.noted, world.blocked, world.now) == ([], [], 0.0)
    assert done.is_set() and not thread.is_alive()


# Limits


def test_a_thread_that_waits_where_nobody_sees_it_is_a_limit(world: World) -> None:
    world.threads.real_patience = IMPATIENT

    def unseen() -> None:
        with MADE_BEFORE:
            pass

    world.start(unseen, name="unseen")
    with (
        MADE_BEFORE,
        pytest.raises(SimulationLimit, match=r"'unseen' has run for 0\.2 s of real time"),
    ):
        world.threads.run_ready()


def test_a_thread_that_was_given_up_ends_where_it_waits_next(world: World) -> None:
    world.threads.real_patience = IMPATIENT

    def unseen() -> None:
        with MADE_BEFORE:
            threading.Event().wait()

    thread = world.start(unseen)
    with MADE_BEFORE, pytest.raises(SimulationLimit):
        world.threads.run_ready()
    thread.join(10.0)
    assert not thread.is_alive()


def test_a_loop_that_waits_where_nobody_sees_it_is_a_limit(world: World) -> None:
    world.threads.real_patience = IMPATIENT

    def holder() -> None:
        with MADE_BEFORE:
            time.sleep(2.0)

    world.start(holder, name="holder")
    world.threads.run_ready()
    with MADE_BEFORE:
        pass
    with pytest.raises(SimulationLimit, match="one of holder holds a lock that was made before"):
        world.threads.run_ready()


# The same tape, the same run


@given(
    tape=st.lists(st.integers(0, 5), max_size=20),
    delays=st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=4),
)
def test_the_same_tape_gives_the_same_run(tape: list[int], delays: list[float]) -> None:
    def run() -> list[Any]:
        with World(tuple(tape)) as world:
            jobs: queue.Queue[float] = queue.Queue()

            def worker(name: int) -> None:
                while True:
                    delay = jobs.get()
                    time.sleep(delay)
                    world.said.append((name, delay, world.now))

            for name in range(2):
                world.start(worker, name)
            for delay in delays:
                jobs.put(delay)
                time.sleep(0.25)
            world.settle()
            return [*world.said, *world.noted, *world.blocked]

    assert run() == run()
