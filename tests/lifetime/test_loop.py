"""The real loop over real sockets: who may stop it, from where, and what happens then."""

from __future__ import annotations

import asyncore
import json
import logging
import os
import socket
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import lifetime
from lifetime import EXIT_FORCED, EXIT_RESTART, ExitNow, Lifetime, Patience, Phase, TooLate, Veto
from lifetime.selectors import PollSelector
from tests.lifetime.members import Member, raising, run_to_the_end, watched

# Asking for a stop


def test_the_phases_are_walked_in_order(loop: Lifetime) -> None:
    member = Member(loop)
    loop.shutdown()
    run_to_the_end(loop)
    assert member.phases == [1, 2, 3]


def test_a_stop_from_a_thread_ends_a_loop_that_sleeps(loop: Lifetime) -> None:
    Member(loop)
    loop.call_later(0.0, lambda: threading.Thread(target=loop.shutdown, args=(7,)).start())
    run_to_the_end(loop)
    assert (loop.phase, loop.exit_code) == (Phase.TERMINATED, 7)


def test_a_stop_from_a_thread_is_noticed_within_five_milliseconds() -> None:
    delays = []
    for _ in range(20):
        loop, asleep, asked = Lifetime(selector=Drowsy()), threading.Event(), list[float]()
        Member(loop)
        loop.poller.selector.about_to_sleep = asleep.set  # type: ignore[attr-defined]

        def ask(loop: Lifetime, asleep: threading.Event, asked: list[float]) -> None:
            asleep.wait()
            asked.append(time.monotonic())
            loop.shutdown()

        threading.Thread(target=ask, args=(loop, asleep, asked)).start()
        noticed: list[float] = []
        loop.on_phase(lambda phase, noticed=noticed: noticed.append(time.monotonic()))
        run_to_the_end(loop)
        delays.append(noticed[0] - asked[0])
    assert statistics.median(delays) < 0.005


class Drowsy(PollSelector):
    """Says when it is about to sleep, and notes for how long it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: list[float | None] = []
        self.about_to_sleep: Callable[[], object] = lambda: None

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        self.timeouts.append(timeout)
        self.about_to_sleep()
        return super().poll(timeout)


def test_an_idle_loop_sleeps_until_something_happens() -> None:
    loop = Lifetime(selector=Drowsy())
    Member(loop)
    asleep = threading.Event()
    loop.poller.selector.about_to_sleep = asleep.set  # type: ignore[attr-defined]
    threading.Thread(target=lambda: (asleep.wait(), loop.shutdown())).start()
    run_to_the_end(loop)
    assert loop.poller.selector.timeouts[0] is None  # type: ignore[attr-defined]


def test_a_stop_from_a_timer(loop: Lifetime) -> None:
    Member(loop)
    loop.call_later(0.0, loop.shutdown, 5)
    run_to_the_end(loop)
    assert (loop.phase, loop.exit_code) == (Phase.TERMINATED, 5)


def test_a_stop_from_a_handler(loop: Lifetime) -> None:
    member = Member(loop)
    member.handle_read = loop.shutdown  # type: ignore[method-assign]
    member.peer.send(b"stop")
    run_to_the_end(loop)
    assert loop.phase is Phase.TERMINATED


def test_a_stop_before_the_loop_is_kept_for_it(loop: Lifetime) -> None:
    member = Member(loop)
    loop.shutdown(6)
    assert (loop.phase, member.calls) == (Phase.WITHDRAWING, [])
    run_to_the_end(loop)
    assert (loop.phase, loop.exit_code) == (Phase.TERMINATED, 6)


def test_a_stop_before_the_loop_asks_everybody_once_per_phase(loop: Lifetime) -> None:
    member = Member(loop)
    loop.shutdown()
    run_to_the_end(loop)
    assert [phase for phase, _ in member.calls] == [1, 2, 3]


def test_the_first_exit_code_wins(loop: Lifetime) -> None:
    Member(loop, lambda phase, spent: loop.shutdown(9))
    loop.shutdown(4)
    loop.shutdown(5)
    run_to_the_end(loop)
    assert loop.exit_code == 4


def test_fast_asked_later_shortens_the_phase_that_runs(loop: Lifetime) -> None:
    loop.patience = Patience(phase=60.0, fast=0.0)
    Member(loop, lambda phase, spent: phase == 1)
    loop.call_later(0.0, loop.shutdown)
    loop.call_later(0.01, loop.shutdown, 0, True)
    run_to_the_end(loop)
    assert loop.report.phases[0].left == "patience ran out"


def test_fast_asked_in_a_hook_counts_for_the_phase_that_runs(loop: Lifetime) -> None:
    loop.patience = Patience(phase=60.0, fast=0.0)
    Member(loop, lambda phase, spent: loop.shutdown(0, fast=True) or phase == 2)
    loop.shutdown()
    run_to_the_end(loop)
    assert loop.report.seconds < 10.0


def test_serving_ends_when_nothing_is_left_to_serve(loop: Lifetime) -> None:
    member = Member(loop)
    loop.call_later(0.0, member.close)
    run_to_the_end(loop)
    assert (loop.phase, loop.exit_code) == (Phase.RUNNING, None)


def test_a_loop_runs_in_one_thread_only(loop: Lifetime) -> None:
    Member(loop)
    errors: list[BaseException] = []

    def run_again() -> None:
        try:
            loop.loop()
        except RuntimeError as error:
            errors.append(error)
        loop.shutdown()

    loop.call_later(0.0, lambda: threading.Thread(target=run_again).start())
    run_to_the_end(loop)
    assert str(errors[0]) == "this Lifetime's loop already runs in another thread"


# Again and again


def test_set_up_run_and_tear_down_many_times_in_one_process(loop: Lifetime) -> None:
    for code in range(25):
        member = Member(loop)
        loop.call_later(0.0, loop.shutdown, code)
        run_to_the_end(loop)
        assert (loop.phase, loop.exit_code, member.phases) == (4, code, [1, 2, 3])


def test_many_runs_lose_no_descriptor(loop: Lifetime) -> None:
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for _ in range(25):
        Member(loop)
        loop.shutdown()
        run_to_the_end(loop)
    after = os.listdir("/proc/self/fd") if before else []
    assert len(after) == len(before)


def test_a_second_run_serves_from_phase_0(loop: Lifetime) -> None:
    Member(loop)
    loop.shutdown(3, fast=True)
    run_to_the_end(loop)
    seen: list[tuple[Phase, int | None]] = []
    member = Member(loop)
    loop.call_later(0.0, lambda: (seen.append((loop.phase, loop.exit_code)), member.close()))
    run_to_the_end(loop)
    assert seen == [(Phase.RUNNING, None)]


def test_two_lifetimes_in_two_threads_do_not_touch_each_other(loop: Lifetime) -> None:
    other = Lifetime()
    member, others = Member(loop), Member(other)
    thread = threading.Thread(target=run_to_the_end, args=(other,))
    thread.start()
    loop.call_later(0.0, loop.shutdown)
    run_to_the_end(loop)
    assert (member.phases, others.phases, other.phase) == ([1, 2, 3], [], Phase.RUNNING)
    other.shutdown()
    thread.join()


# Taking it back


def test_a_shutdown_can_be_taken_back_from_a_timer_in_phase_1(loop: Lifetime) -> None:
    member = Member(loop, lambda phase, spent: phase == 1)
    phases: list[int] = []
    loop.on_phase(lambda phase: phases.append(int(phase)))

    def take_back() -> None:
        loop.resume()
        loop.call_later(0.0, member.close)

    loop.shutdown(5)
    loop.call_later(0.0, take_back)
    run_to_the_end(loop)
    assert (phases, loop.phase, loop.exit_code) == ([1, 0], Phase.RUNNING, None)


def test_behind_an_undo_the_next_shutdown_starts_at_phase_1_with_its_own_code(
    loop: Lifetime,
) -> None:
    member = Member(loop, lambda phase, spent: phase == 1 and len(member.calls) == 1)
    loop.shutdown(5)
    loop.call_later(0.0, lambda: (loop.resume(), loop.call_later(0.0, loop.shutdown, 6)))
    run_to_the_end(loop)
    assert (member.phases, loop.exit_code) == ([1, 2, 3], 6)


def test_a_hook_may_take_the_shutdown_back(loop: Lifetime) -> None:
    member = Member(loop, lambda phase, spent: loop.resume())
    behind = Member(loop)
    loop.shutdown()
    loop.call_later(0.0, lambda: (member.close(), behind.close()))
    run_to_the_end(loop)
    assert (member.phases, behind.phases, loop.phase) == ([1], [], Phase.RUNNING)


def test_a_hook_that_takes_back_and_asks_anew_gets_a_new_walk(loop: Lifetime) -> None:
    def change_ones_mind(phase: int, spent: float) -> None:
        if len(member.calls) == 1:
            loop.resume()
            loop.shutdown(8)

    member = Member(loop, change_ones_mind)
    loop.shutdown(5)
    run_to_the_end(loop)
    assert ([phase for phase, _ in member.calls], loop.exit_code) == ([1, 1, 2, 3], 8)


def test_a_timer_that_takes_back_and_asks_anew_gets_a_new_walk(loop: Lifetime) -> None:
    member = Member(loop, lambda phase, spent: phase == 1 and len(member.calls) == 1)
    loop.shutdown(5)
    loop.call_later(0.0, lambda: (loop.resume(), loop.shutdown(8)))
    run_to_the_end(loop)
    assert (loop.phase, loop.exit_code, member.phases) == (Phase.TERMINATED, 8, [1, 2, 3])


def test_a_phase_callback_may_take_the_shutdown_back(loop: Lifetime) -> None:
    member = Member(loop)
    loop.on_phase(lambda phase: loop.resume() if phase == 1 else member.close())
    loop.shutdown()
    run_to_the_end(loop)
    assert (member.phases, loop.phase) == ([], Phase.RUNNING)


@pytest.mark.parametrize("phase", [2, 3])
def test_behind_phase_1_it_is_too_late(loop: Lifetime, phase: int) -> None:
    refusals: list[str] = []

    def take_back(now: int, spent: float) -> None:
        if now == phase:
            try:
                loop.resume()
            except TooLate as refusal:
                refusals.append(str(refusal))

    Member(loop, take_back)
    loop.shutdown()
    run_to_the_end(loop)
    assert f"the shutdown is in phase {phase}" in refusals[0]


def test_a_refused_undo_does_not_stop_the_walk(loop: Lifetime) -> None:
    Member(loop, lambda phase, spent: loop.resume() if phase == 3 else None)
    loop.shutdown()
    run_to_the_end(loop)
    assert loop.phase is Phase.TERMINATED


def test_when_it_is_over_it_is_too_late_and_the_message_says_how_to_go_on(loop: Lifetime) -> None:
    loop.shutdown()
    run_to_the_end(loop)
    with pytest.raises(TooLate, match="over; call run"):
        loop.resume()


def test_while_running_there_is_nothing_to_take_back(loop: Lifetime) -> None:
    loop.resume()
    assert loop.phase is Phase.RUNNING


# Who is told


def test_phase_callbacks_hear_every_phase_in_order(loop: Lifetime) -> None:
    Member(loop)
    heard: list[Phase] = []
    loop.on_phase(heard.append)
    loop.shutdown()
    run_to_the_end(loop)
    assert heard == [Phase.WITHDRAWING, Phase.REFUSING, Phase.DRAINING, Phase.TERMINATED]


def test_a_phase_is_announced_before_anybody_is_asked_in_it(loop: Lifetime) -> None:
    story: list[str] = []
    Member(loop, lambda phase, spent: story.append(f"asked in {phase}"))
    loop.on_phase(lambda phase: story.append(f"announced {int(phase)}"))
    loop.shutdown()
    run_to_the_end(loop)
    assert story[:4] == ["announced 1", "asked in 1", "announced 2", "asked in 2"]


def test_a_phase_callback_can_unsubscribe_itself(loop: Lifetime) -> None:
    heard: list[Phase] = []
    end = loop.on_phase(lambda phase: (heard.append(phase), end()))
    loop.shutdown()
    run_to_the_end(loop)
    assert heard == [Phase.WITHDRAWING]


def test_a_phase_callback_that_raises_harms_nobody_and_is_reported(loop: Lifetime) -> None:
    heard: list[Phase] = []
    loop.on_phase(raising(ValueError("broken subscriber")))
    loop.on_phase(heard.append)
    loop.shutdown()
    run_to_the_end(loop)
    assert (len(heard), loop.phase) == (4, Phase.TERMINATED)
    assert "ValueError: broken subscriber" in loop.report.as_text()


def test_a_thread_can_wait_for_the_stop(loop: Lifetime) -> None:
    Member(loop)
    woke = threading.Event()
    thread = threading.Thread(target=lambda: loop.stopping.wait() and woke.set())
    thread.start()
    loop.shutdown()
    run_to_the_end(loop)
    thread.join()
    assert woke.is_set()


def test_an_undo_clears_the_stopping_event(loop: Lifetime) -> None:
    member = Member(loop, lambda phase, spent: loop.resume())
    loop.shutdown()
    loop.call_later(0.0, member.close)
    run_to_the_end(loop)
    assert not loop.stopping.is_set()


# Timers and thunks


def test_timers_fire_in_the_order_of_their_times(loop: Lifetime) -> None:
    Member(loop)
    fired: list[str] = []
    loop.call_later(0.02, loop.shutdown)
    loop.call_later(0.01, fired.append, "second")
    loop.call_later(0.0, fired.append, "first")
    run_to_the_end(loop)
    assert fired == ["first", "second"]


def test_a_timer_is_never_early(loop: Lifetime) -> None:
    Member(loop)
    started, fired = loop.clock(), list[float]()
    loop.call_later(0.0153, lambda: (fired.append(loop.clock()), loop.shutdown()))
    run_to_the_end(loop)
    assert fired[0] - started >= 0.0153


def test_a_repeating_timer_repeats_until_it_is_cancelled(loop: Lifetime) -> None:
    Member(loop)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            timer.cancel()
            loop.call_later(0.005, loop.shutdown)

    timer = loop.call_every(0.001, tick)
    run_to_the_end(loop)
    assert len(ticks) == 3


def test_a_cancelled_timer_does_not_fire(loop: Lifetime) -> None:
    Member(loop)
    fired: list[str] = []
    loop.call_later(0.0, fired.append, "never").cancel()
    loop.call_later(0.001, loop.shutdown)
    run_to_the_end(loop)
    assert fired == []


def test_no_timer_outlives_the_run(loop: Lifetime) -> None:
    Member(loop)
    late = loop.call_later(3600.0, print)
    loop.shutdown()
    run_to_the_end(loop)
    assert (late.active, len(loop.timers)) == (False, 0)


def test_a_timer_that_raises_harms_neither_the_next_one_nor_the_loop(
    loop: Lifetime, caplog: pytest.LogCaptureFixture
) -> None:
    Member(loop)
    fired: list[str] = []
    loop.call_later(0.0, raising(ValueError("broken timer")))
    loop.call_later(0.0, fired.append, "next")
    loop.call_later(0.001, loop.shutdown)
    run_to_the_end(loop)
    assert (fired, "broken timer" in caplog.text) == (["next"], True)


def test_a_repeating_timer_that_raises_comes_back(loop: Lifetime) -> None:
    Member(loop)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 2:
            loop.shutdown()
        raise ValueError("broken timer")

    loop.call_every(0.001, tick)
    run_to_the_end(loop)
    assert len(ticks) >= 2


def test_thunks_from_many_threads_all_arrive(loop: Lifetime) -> None:
    Member(loop)
    seen: list[tuple[int, int]] = []

    def note(thread: int, number: int) -> None:
        seen.append((thread, number))
        if len(seen) == 8 * 500:
            loop.shutdown()

    def send(thread: int) -> None:
        for number in range(500):
            loop.call_soon_threadsafe(note, thread, number)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    loop.call_later(0.0, lambda: [thread.start() for thread in threads])
    run_to_the_end(loop)
    assert sorted(seen) == [(thread, number) for thread in range(8) for number in range(500)]


def test_a_thunk_runs_in_the_loops_thread(loop: Lifetime) -> None:
    Member(loop)
    seen: list[int] = []

    def note() -> None:
        seen.append(threading.get_ident())
        loop.shutdown()

    starter = threading.Thread(target=loop.call_soon_threadsafe, args=(note,))
    loop.call_later(0.0, starter.start)
    run_to_the_end(loop)
    assert seen == [threading.get_ident()]


def test_a_thunk_that_raises_harms_nobody(loop: Lifetime) -> None:
    Member(loop)
    loop.call_soon_threadsafe(raising(ValueError("broken thunk")))
    loop.call_soon_threadsafe(loop.shutdown)
    run_to_the_end(loop)
    assert loop.phase is Phase.TERMINATED


# What leaves the loop


@pytest.mark.parametrize("error", [ExitNow("now"), SystemExit(2), KeyboardInterrupt()])
@pytest.mark.parametrize("place", ["timer", "thunk", "handler", "hook", "callback"])
def test_these_three_leave_the_loop_from_anywhere(
    loop: Lifetime, error: BaseException, place: str
) -> None:
    member = Member(loop)
    if place == "timer":
        loop.call_later(0.0, raising(error))
    elif place == "thunk":
        loop.call_soon_threadsafe(raising(error))
    elif place == "handler":
        member.handle_read = raising(error)  # type: ignore[method-assign]
        member.peer.send(b"something")
    elif place == "hook":
        member.hook = raising(error)
        loop.shutdown()
    else:
        loop.on_phase(raising(error))
        loop.shutdown()
    with pytest.raises(type(error)) as caught:
        run_to_the_end(loop)
    assert caught.value is error


def test_a_loop_left_by_an_exception_can_be_entered_again(loop: Lifetime) -> None:
    Member(loop)
    loop.call_later(0.0, raising(SystemExit(2)))
    with pytest.raises(SystemExit):
        run_to_the_end(loop)
    loop.shutdown()
    run_to_the_end(loop)
    assert loop.phase is Phase.TERMINATED


# Holding it up


def test_a_busy_one_is_let_go_when_it_is_done_not_at_the_next_tick(loop: Lifetime) -> None:
    member = Member(loop, lambda phase, spent: phase == 3 and not member.received)
    loop.shutdown()
    loop.on_phase(lambda phase: phase == 3 and loop.call_later(0.02, member.peer.send, b"done"))
    run_to_the_end(loop)
    assert 0.02 <= loop.report.seconds < 0.5


def test_an_eta_is_a_promise_to_ask_again(loop: Lifetime) -> None:
    def until_then(phase: int, spent: float) -> object:
        return Veto("counting to 0.03", eta=0.03 - spent) if phase == 3 and spent < 0.03 else None

    Member(loop, until_then)
    loop.shutdown()
    run_to_the_end(loop)
    assert 0.03 <= loop.report.seconds < 0.5


def test_patience_ends_when_it_ends_not_at_the_next_tick(loop: Lifetime) -> None:
    loop.patience = Patience(phase=0.03)
    Member(loop, lambda phase, spent: phase == 2)
    loop.shutdown()
    run_to_the_end(loop)
    assert 0.03 <= loop.report.seconds < 0.5


def test_the_deadline_ends_all_phases_together(loop: Lifetime) -> None:
    loop.patience = Patience(deadline=0.03)
    Member(loop, lambda phase, spent: True)
    loop.shutdown()
    run_to_the_end(loop)
    assert [phase.left for phase in loop.report.phases] == ["the deadline passed"] * 3
    assert loop.report.seconds < 0.5


def test_phase_1_lasts_its_minimum(loop: Lifetime) -> None:
    loop.patience = Patience(withdraw_minimum=0.03)
    Member(loop)
    loop.shutdown()
    run_to_the_end(loop)
    assert 0.03 <= loop.report.phases[0].seconds < 0.5


def test_who_holds_it_can_be_read_while_it_lasts(loop: Lifetime) -> None:
    member = Member(loop, lambda phase, spent: phase == 3 and Veto("busy"), name="channel 7")
    seen: list[tuple[str, str, int]] = []

    def look() -> None:
        seen.extend((held.owner, held.reason, int(held.phase)) for held in loop.vetoes)
        member.close()

    loop.shutdown()
    loop.call_later(0.01, look)
    run_to_the_end(loop)
    assert (seen, loop.vetoes) == ([("channel 7", "busy", 3)], ())


def test_who_holds_it_is_logged_when_it_changes(
    loop: Lifetime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lifetime")
    member = Member(loop, lambda phase, spent: phase == 3 and Veto("busy"), name="channel 7")
    loop.shutdown()
    loop.call_later(0.01, member.close)
    run_to_the_end(loop)
    assert len([line for line in caplog.messages if "channel 7 (busy, 0.0 s)" in line]) == 1


def test_a_channel_that_is_cut_at_the_end_is_asked_to_abort(loop: Lifetime) -> None:
    loop.patience = Patience(phase=0.0)
    member = Member(loop, lambda phase, spent: True, name="channel 7")
    story: list[str] = []
    member.abort = lambda: (story.append("abort"), member.close())  # type: ignore[attr-defined]
    loop.shutdown()
    run_to_the_end(loop)
    assert (story, loop.map, loop.report.closed_by_force) == (["abort"], {}, ["channel 7"])


# Who comes and goes meanwhile


def releasing_latecomer(loop: Lifetime) -> list[Member]:
    """Phase 3 is held until somebody who joins 0.01 s later has been asked in it."""
    holder = Member(loop, lambda phase, spent: phase == 3)
    late: list[Member] = []

    def release(phase: int, spent: float) -> None:
        if phase == 3:
            holder.close()

    loop.call_later(0.01, lambda: late.append(Member(loop, release)))
    loop.shutdown()
    return late


def test_a_latecomer_first_hears_the_phases_it_missed(loop: Lifetime) -> None:
    late = releasing_latecomer(loop)
    run_to_the_end(loop)
    assert late[0].phases == [1, 2, 3]


def test_a_latecomer_is_asked_at_once_not_at_the_next_tick(loop: Lifetime) -> None:
    releasing_latecomer(loop)
    run_to_the_end(loop)
    assert loop.report.seconds < 0.5


def test_a_latecomer_that_joins_in_the_last_pass_is_still_asked(loop: Lifetime) -> None:
    late: list[Member] = []
    Member(loop, lambda phase, spent: late.append(Member(loop)) if phase == 3 else None)
    loop.shutdown()
    run_to_the_end(loop)
    assert late[0].phases == [1, 2, 3]


def test_hooks_that_breed_without_end_do_not_hold_the_loop(loop: Lifetime) -> None:
    def breed(phase: int, spent: float) -> None:
        if phase == 3:
            Member(loop, breed)

    Member(loop, breed)
    loop.shutdown()
    run_to_the_end(loop)
    assert (loop.phase, loop.map) == (Phase.TERMINATED, {})


def test_a_hook_may_close_others_and_they_are_not_asked_any_more(loop: Lifetime) -> None:
    victims: list[Member] = []

    def close_them(phase: int, spent: float) -> None:
        for victim in victims:
            victim.close()

    Member(loop, close_them)
    victims += [Member(loop), Member(loop)]
    last = Member(loop)
    loop.shutdown()
    run_to_the_end(loop)
    assert ([victim.calls for victim in victims], last.phases) == ([[], []], [1, 2, 3])


def test_a_hook_that_raises_costs_its_owner_and_nobody_else(loop: Lifetime) -> None:
    bad, good = Member(loop, raising(ValueError("broken hook")), name="bad"), Member(loop)
    loop.shutdown()
    run_to_the_end(loop)
    assert (bad.phases, good.phases) == ([1], [1, 2, 3])
    assert loop.report.errors == ["bad failed in phase 1: ValueError: broken hook"]


def test_a_dispatcher_whose_error_handler_raises_too_is_taken_out(loop: Lifetime) -> None:
    bad, good = Member(loop, raising(ValueError("broken hook"))), Member(loop)
    bad.handle_error = raising(ValueError("broken handler"))  # type: ignore[method-assign]
    loop.shutdown()
    run_to_the_end(loop)
    assert (bad.phases, good.phases) == ([1], [1, 2, 3])
    assert bad.socket.fileno() == -1


def test_a_dispatcher_that_nobody_can_close_is_taken_out_as_well(loop: Lifetime) -> None:
    bad, good = Member(loop, raising(ValueError("broken hook")), name="bad"), Member(loop)
    bad.handle_error = raising(ValueError("broken handler"))  # type: ignore[method-assign]
    bad.close = raising(ValueError("broken close"))  # type: ignore[method-assign]
    loop.shutdown()
    run_to_the_end(loop)
    assert (bad.phases, good.phases) == ([1], [1, 2, 3])
    assert loop.report.errors[-1] == "bad failed in close: ValueError: broken close"
    del bad.close
    bad.close()


def test_asyncores_own_error_handler_sees_the_error_of_the_hook(
    loop: Lifetime, capsys: pytest.CaptureFixture[str]
) -> None:
    class Plain(asyncore.dispatcher):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            raise ValueError("broken hook")

    ours, theirs = socket.socketpair()
    with theirs:
        plain = Plain(ours, loop.map)
        loop.shutdown()
        run_to_the_end(loop)
    assert plain.socket.fileno() == -1
    assert "ValueError" in capsys.readouterr().out
    assert len(loop.report.errors) == 1


def test_a_close_that_raises_at_the_end_keeps_nobody_else_open(loop: Lifetime) -> None:
    bad, good = Member(loop), Member(loop)
    bad.abort = raising(ValueError("broken close"))  # type: ignore[attr-defined]
    loop.shutdown()
    run_to_the_end(loop)
    assert (good.socket.fileno(), loop.map) == (-1, {})
    bad.close()


def test_what_is_ready_is_read_between_the_phases(loop: Lifetime) -> None:
    member = Member(loop)
    member.peer.send(b"just in time")
    loop.shutdown()
    run_to_the_end(loop)
    assert member.received == b"just in time"


# run() and the exit code


def stopped(loop: Lifetime, **how: object) -> int:
    """What `run()` returns."""
    with watched(loop):
        return loop.run(**how)  # type: ignore[arg-type]


def test_an_orderly_end_returns_the_code_of_the_request(loop: Lifetime) -> None:
    Member(loop)
    loop.shutdown(7)
    assert stopped(loop) == 7


def test_nobody_asked_is_zero(loop: Lifetime) -> None:
    assert stopped(loop) == 0


def test_an_end_that_was_forced_says_so(loop: Lifetime) -> None:
    Member(loop, lambda phase, spent: True)
    loop.shutdown(0)
    assert stopped(loop, patience=0.0) == EXIT_FORCED


def test_a_forced_end_does_not_hide_a_code_that_somebody_chose(loop: Lifetime) -> None:
    Member(loop, lambda phase, spent: True)
    loop.shutdown(EXIT_RESTART)
    assert stopped(loop, patience=0.0) == EXIT_RESTART


def test_the_three_codes_differ() -> None:
    assert len({0, EXIT_RESTART, EXIT_FORCED}) == 3


def test_the_report_can_be_had_as_a_file(loop: Lifetime, tmp_path: Path) -> None:
    Member(loop)
    loop.shutdown(7)
    stopped(loop, report=tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["exit_code"] == 7


def test_a_deadline_given_to_run_binds(loop: Lifetime) -> None:
    Member(loop, lambda phase, spent: True)
    loop.shutdown()
    stopped(loop, deadline=0.02)
    assert loop.report.seconds < 0.5


def test_a_minimum_and_a_maximum_of_phase_1_given_to_run_bind(loop: Lifetime) -> None:
    Member(loop, lambda phase, spent: phase == 1)
    loop.shutdown()
    stopped(loop, withdraw=(0.01, 0.02))
    assert 0.02 <= loop.report.phases[0].seconds < 0.5


# Repetition escalates


def test_the_first_request_is_orderly(loop: Lifetime) -> None:
    member = Member(loop, lambda phase, spent: phase == 3 and not member.received)
    loop.call_later(0.0, loop.request_stop)
    loop.call_later(0.02, member.peer.send, b"done")
    run_to_the_end(loop)
    assert loop.report.orderly


def test_the_second_request_is_fast(loop: Lifetime) -> None:
    loop.escalation_interval = 0.0
    loop.patience = Patience(phase=60.0, fast=0.02)
    Member(loop, lambda phase, spent: phase == 3)
    loop.call_later(0.0, loop.request_stop)
    loop.call_later(0.01, loop.request_stop)
    run_to_the_end(loop)
    assert loop.report.phases[2].left == "patience ran out"


def test_the_third_request_ends_it_at_once(loop: Lifetime) -> None:
    loop.escalation_interval = 0.0
    loop.patience = Patience(phase=60.0, fast=60.0)
    Member(loop, lambda phase, spent: True)
    for delay in (0.0, 0.001, 0.002):
        loop.call_later(delay, loop.request_stop)
    run_to_the_end(loop)
    assert [phase.left for phase in loop.report.phases] == ["asked to end at once"] * 3


def test_requests_that_follow_one_another_too_fast_count_as_one() -> None:
    loop = Lifetime(patience=Patience(phase=60.0, fast=0.0), escalation_interval=60.0)
    member = Member(loop, lambda phase, spent: phase == 3)
    for _ in range(3):
        loop.call_later(0.0, loop.request_stop)
    loop.call_later(0.02, member.close)
    run_to_the_end(loop)
    assert loop.report.orderly


# The functions of the module


def test_the_module_functions_work_on_the_map_of_asyncore() -> None:
    assert lifetime.default().map is lifetime.asyncore.socket_map


def test_the_module_shows_the_state_of_the_default_lifetime() -> None:
    default = lifetime.default()
    assert (lifetime.phase, lifetime.exit_code, lifetime.vetoes, lifetime.stopping) == (
        default.phase,
        default.exit_code,
        default.vetoes,
        default.stopping,
    )


def test_the_module_runs_stops_and_runs_again() -> None:
    for code in (5, 6):
        member = Member(lifetime.default())
        lifetime.call_later(0.0, lifetime.shutdown, code)
        assert (lifetime.run(), member.phases) == (code, [1, 2, 3])


def test_the_module_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'faze'"):
        _ = lifetime.faze


def test_time_comes_from_a_clock_that_nobody_sets() -> None:
    assert Lifetime().clock is time.monotonic


def test_it_is_known_how_often_a_stop_was_asked_for_and_an_undo_forgets_it(loop: Lifetime) -> None:
    Member(loop, lambda phase, elapsed: True)
    counts = []

    def in_phase(phase: Phase) -> None:
        counts.append(loop.requests)
        if phase is Phase.WITHDRAWING and len(counts) == 1:
            loop.shutdown()
            counts.append(loop.requests)
            loop.resume()
        elif phase is Phase.RUNNING:
            loop.shutdown(fast=True)

    loop.on_phase(in_phase)
    loop.call_later(0, loop.shutdown)
    loop.loop()
    assert counts[:4] == [1, 2, 0, 1]
