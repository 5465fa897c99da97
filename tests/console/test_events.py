"""The ECB: posted once, seen by whoever waits, from wherever it was posted.

Acceptance tests C5, C6 and C7.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pytest

from lifetime.console import ECB, ShutdownToken, Timer, events, wait_any
from lifetime.console.events import EventfdBell, SocketBell

PATIENCE = 20.0  # seconds; far above what any of this needs


@pytest.fixture(params=["eventfd", "sockets"], autouse=True)
def bell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of an ECB is run with both kinds of descriptors."""
    if request.param == "eventfd" and not hasattr(os, "eventfd"):
        pytest.skip("this system has no eventfd")
    kind = EventfdBell if request.param == "eventfd" else SocketBell
    monkeypatch.setattr(events, "make_bell", kind)


def test_what_was_posted_before_the_wait_is_not_lost() -> None:
    """C6."""
    ecb = ECB()
    ecb.post(7)
    assert wait_any([ecb], PATIENCE) == [ecb]
    assert ecb.code == 7


def test_the_first_code_stays() -> None:
    ecb = ECB()
    ecb.post(1)
    ecb.post(2)
    assert ecb.code == 1


def test_it_stays_posted_until_it_is_reset() -> None:
    ecb = ECB()
    ecb.post()
    assert wait_any([ecb]) == wait_any([ecb]) == [ecb]
    ecb.reset()
    assert not ecb.posted
    assert ecb.code is None
    assert wait_any([ecb], 0) == []


def test_a_post_that_ctrl_c_breaks_off_is_heard_or_did_not_happen() -> None:
    """At each of its instructions; posted and silent, it could never be posted again."""
    with suppress(KeyboardInterrupt):
        _at_instruction(0, lambda: None)  # Python 3.12.1 traces nothing the first time
    broken_off, number = 0, 0
    while True:
        ecb = ECB()
        descriptor = ecb.fileno()
        try:
            _at_instruction(number, ecb.post)
        except KeyboardInterrupt:
            broken_off += 1
        else:
            break
        readable = bool(select.select([descriptor], [], [], 0)[0])
        assert readable or not ecb.posted, f"silent behind instruction {number}"
        number += 1
    assert broken_off > 20


def _at_instruction(number: int, call: Callable[[], object]) -> None:
    """Call it, with a KeyboardInterrupt before the so-manieth instruction of what it runs.

    Without collections: what is raised in the `__del__` of a stranger comes out nowhere.
    """
    left = number

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    gc.disable()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
        gc.enable()


def test_it_can_be_posted_again_after_a_reset() -> None:
    ecb = ECB()
    for code in (1, 2):
        ecb.post(code)
        assert [each.code for each in wait_any([ecb], PATIENCE)] == [code]
        ecb.reset()


def test_those_that_are_posted_come_in_list_order() -> None:
    first, second, third = ECB(), ECB(), ECB()
    third.post()
    first.post()
    assert wait_any([first, second, third], PATIENCE) == [first, third]


def test_nothing_posted_ends_with_the_timeout() -> None:
    began = time.monotonic()
    assert wait_any([ECB()], 0.05) == []
    assert time.monotonic() - began >= 0.05


def test_waiting_for_nothing_at_all_is_a_sleep() -> None:
    assert wait_any([], 0.01) == []


def test_the_descriptor_is_readable_while_it_is_posted() -> None:
    ecb = ECB()
    ecb.post()
    assert events._readable([ecb.fileno()], 0) == [ecb.fileno()]
    ecb.reset()
    assert events._readable([ecb.fileno()], 0) == []


def test_a_byte_that_a_reset_has_overtaken_wakes_nobody_twice() -> None:
    ecb = ECB()
    ecb.fileno()
    ecb.post()
    ecb._codes.clear()  # as if the reset had come between the code and the byte
    assert wait_any([ecb], 0.01) == []
    assert events._readable([ecb.fileno()], 0) == []


def test_it_works_without_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.delattr(events.select, "poll")
    ecb = ECB()
    assert wait_any([ecb], 0.01) == []
    threading.Timer(0.01, ecb.post).start()
    assert wait_any([ecb], PATIENCE) == [ecb]
    assert wait_any([], 0.01) == []


def test_a_thousand_posts_are_one_event() -> None:
    """C6."""
    token = ShutdownToken()
    firsts = [token.request("again") for _ in range(1000)]
    assert firsts.count(True) == 1
    assert wait_any([token], PATIENCE) == [token]
    assert token.requests == 1000


def test_of_two_reasons_the_first_is_reported_and_the_second_counted() -> None:
    """C6."""
    token = ShutdownToken()
    token.request("the operator")
    token.request("nobody was there")
    assert (token.reason, token.requests) == ("the operator", 2)


def test_of_two_threads_that_ask_at_once_exactly_one_is_the_first() -> None:
    for _ in range(200):
        token = ShutdownToken()
        start = threading.Barrier(2)
        firsts: list[bool] = []

        def ask(
            token: ShutdownToken = token,
            start: threading.Barrier = start,
            firsts: list[bool] = firsts,
        ) -> None:
            start.wait(PATIENCE)
            firsts.append(token.request(threading.current_thread().name))

        askers = [threading.Thread(target=ask) for _ in range(2)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(PATIENCE)
        assert sorted(firsts) == [False, True]


def test_a_token_that_was_reset_begins_anew() -> None:
    token = ShutdownToken()
    token.request("the first")
    token.reset()
    assert (token.posted, token.reason, token.requests) == (False, "", 0)
    assert token.request("the second")


def test_a_request_without_words_has_a_reason_of_nothing() -> None:
    token = ShutdownToken()
    token.request("")
    assert (token.posted, token.reason, token.requests) == (True, "", 1)


@pytest.mark.parametrize("posted", [["command"], ["token"], ["timer"], ["command", "timer"]])
def test_one_wait_for_command_token_and_timer_tells_which_came(posted: list[str]) -> None:
    """C7."""
    things: dict[str, ECB | Timer] = {
        "command": ECB(),
        "token": ShutdownToken(),
        "timer": Timer(0.0 if "timer" in posted else 60.0),
    }
    for name in posted:
        thing = things[name]
        if isinstance(thing, ECB):
            thing.post()
    came = wait_any(list(things.values()), PATIENCE)
    assert [name for name, thing in things.items() if thing in came] == posted


def test_a_timer_is_the_timeout_of_the_wait() -> None:
    """C7."""
    began = time.monotonic()
    timer = Timer(0.05)
    assert wait_any([ECB(), timer], PATIENCE) == [timer]
    assert 0.05 <= time.monotonic() - began < 0.5


def test_a_deadline_that_goes_by_between_two_looks_ends_the_wait() -> None:
    class Late:
        """Found out of time only once the wait has begun: somebody else had the processor."""

        deadline = 0.0  # long ago
        looks = 0

        @property
        def posted(self) -> bool:
            self.looks += 1
            return self.looks > 1

    late = Late()
    assert wait_any([late], 20.0) == [late]


def test_a_timer_that_was_cancelled_ends_no_wait() -> None:
    timer = Timer(0.01)
    assert timer.cancel()
    assert wait_any([timer], 0.05) == []


@contextmanager
def waiting(ecb: ECB) -> Iterator[Callable[[], float]]:
    """A thread that waits for it; the function says when that was woken, on `perf_counter`."""
    woken: list[float] = []

    def wait() -> None:
        if wait_any([ecb], PATIENCE):
            woken.append(time.perf_counter())

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.002)  # most likely it waits by now; if not, the post is not lost

    def when() -> float:
        thread.join(PATIENCE)
        return woken[0]

    yield when
    thread.join(PATIENCE)


def post_from_a_thread(ecb: ECB) -> float:
    at: list[float] = []

    def post() -> None:
        at.append(time.perf_counter())
        ecb.post()

    thread = threading.Thread(target=post)
    thread.start()
    thread.join(PATIENCE)
    return at[0]


def post_from_a_timer(ecb: ECB) -> float:
    timer = Timer(0.01, ecb.post)
    return timer._when - time.monotonic() + time.perf_counter()


def post_from_a_signal_handler(ecb: ECB) -> float:
    at: list[float] = []
    old = signal.signal(signal.SIGUSR2, lambda *_: (at.append(time.perf_counter()), ecb.post()))
    try:
        signal.raise_signal(signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, old)
    return at[0]


def post_from_an_asyncio_task(ecb: ECB) -> float:
    async def post() -> float:
        at = time.perf_counter()
        ecb.post()
        return at

    return asyncio.run(post())


@pytest.mark.parametrize(
    "post",
    [
        post_from_a_thread,
        post_from_a_timer,
        post_from_a_signal_handler,
        post_from_an_asyncio_task,
    ],
)
def test_the_waiter_runs_within_5_ms(post: Callable[[ECB], float]) -> None:
    """C5; the native thread is in test_native_thread.py, the client in test_unix_socket.py."""

    def delay() -> float:
        token = ShutdownToken()
        with waiting(token) as woken:
            posted = post(token)
            return woken() - posted

    # Two busy cores may keep anybody waiting for a while, but not in each of three series.
    medians = (statistics.median(delay() for _ in range(5)) for _ in range(3))
    assert any(median < 0.005 for median in medians)


def test_a_forked_child_wakes_nobody_but_itself() -> None:
    ecb = ECB()
    ecb.fileno()
    child = os.fork()
    if child == 0:
        ecb.post()
        seen = wait_any([ecb], PATIENCE) == [ecb]
        os._exit(0 if seen else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert wait_any([ecb], 0.01) == []


def test_all_who_begin_to_wait_at_once_are_woken() -> None:
    for _ in range(100):
        ecb = ECB()
        start = threading.Barrier(5)
        woken: list[bool] = []

        def wait(
            ecb: ECB = ecb, start: threading.Barrier = start, woken: list[bool] = woken
        ) -> None:
            start.wait(PATIENCE)
            woken.append(bool(wait_any([ecb], PATIENCE)))

        waiters = [threading.Thread(target=wait) for _ in range(4)]
        for waiter in waiters:
            waiter.start()
        start.wait(PATIENCE)
        ecb.post()
        for waiter in waiters:
            waiter.join(PATIENCE)
        assert woken == [True] * 4


def test_ten_thousand_events_leave_no_descriptor() -> None:
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    for _ in range(10_000):
        ECB().fileno()
    gc.collect()
    assert len(os.listdir("/dev/fd")) <= before  # those of the tests before may have gone


def test_it_says_what_it_is() -> None:
    ecb = ECB()
    assert repr(ecb) == "<ECB waiting>"
    ecb.post(3)
    assert repr(ecb) == "<ECB posted with 3>"
