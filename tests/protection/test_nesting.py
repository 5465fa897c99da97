"""Blocks inside of blocks, and the same object again and again."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lifetime.inquiry import guests
from lifetime.protection import ProtectedBlock, ShutdownProtection, configure_shutdown_manager
from tests.protection.programs import TOO_LONG, ask, in_thread, stop_of


def test_an_inner_block_may_begin_while_a_request_is_pending() -> None:
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(60):
            ask()
            with ShutdownProtection(60):
                done.append("inner")
            done.append("outer")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["inner", "outer"]


def test_a_break_of_the_inner_block_does_not_cut_the_outer() -> None:
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(60):
            with ShutdownProtection(60) as inner:
                ask()
                inner.allow_break()
                done.append("inner")
            done.append("outer")
        done.append("behind")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["outer"]


def test_a_break_of_the_outer_block_inside_the_inner_ends_both() -> None:
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(60) as outer, ShutdownProtection(60):
            ask()
            outer.allow_break()
            done.append("inner")

    assert isinstance(stop_of(body), SystemExit)
    assert not done


def test_the_latest_deadline_of_both_counts() -> None:
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(60):
            with ShutdownProtection(0.05):
                ask()
                time.sleep(0.2)
                done.append("inner")
            done.append("outer")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["inner", "outer"]


def test_the_same_object_in_itself_makes_two_blocks() -> None:
    protection = ShutdownProtection(60)
    with protection as outer:
        with protection as inner:
            assert outer is not inner
        assert outer.active
        assert not inner.active
    assert not guests


def test_the_same_object_in_several_threads_makes_a_block_for_each() -> None:
    configure_shutdown_manager()
    protection = ShutdownProtection(60)
    ended: list[bool] = []
    inside = threading.Barrier(2)
    left = threading.Event()

    def work() -> None:
        with protection as block:
            inside.wait(TOO_LONG)
            left.wait(TOO_LONG)
            ended.append(block.active)

    with in_thread(work):
        with protection as block:
            inside.wait(TOO_LONG)
        assert not block.active
        left.set()
    assert ended == [True]
    assert not guests


def hold(protection: ShutdownProtection) -> Iterator[ProtectedBlock]:
    with protection as block:
        yield block


def test_generators_that_share_an_object_end_their_own_blocks_in_any_order() -> None:
    protection = ShutdownProtection(60)
    first, second = hold(protection), hold(protection)
    blocks = next(first), next(second)
    first.close()  # type: ignore[attr-defined]
    assert [block.active for block in blocks] == [False, True]
    second.close()  # type: ignore[attr-defined]
    assert not guests


def test_a_generator_that_another_thread_closes_ends_its_block() -> None:
    generator = hold(ShutdownProtection(60))
    block = next(generator)
    with in_thread(generator.close):  # type: ignore[attr-defined]
        pass
    assert not block.active


def test_a_generator_that_is_collected_while_blocks_are_looked_through_harms_nobody() -> None:
    blocks = [ProtectedBlock(60) for _ in range(200)]
    for block in blocks:
        block.protect()
    old = gc.get_threshold()
    gc.collect()
    gc.disable()
    try:
        cycle: list[object] = [hold(ShutdownProtection(60))]
        next(cycle[0])  # type: ignore[call-overload]
        cycle.append(cycle)
        del cycle
        gc.set_threshold(100)
        gc.enable()
        stops = [stop_of(ask) for _ in range(3)]
    finally:
        gc.enable()
        gc.set_threshold(*old)
    assert isinstance(stops[-1], SystemExit)


def test_exit_stacks_that_share_an_object_end_the_blocks_of_their_own_threads() -> None:
    configure_shutdown_manager()
    protection = ShutdownProtection(60)
    inside, left = threading.Barrier(2), threading.Event()
    ended: list[bool] = []

    def work() -> None:
        with ExitStack() as stack:
            block = stack.enter_context(protection)
            inside.wait(TOO_LONG)
            left.wait(TOO_LONG)
            ended.append(block.active)

    stack = ExitStack()
    block = stack.enter_context(protection)
    with in_thread(work):
        inside.wait(TOO_LONG)
        stack.close()
        assert not block.active
        left.set()
    assert ended == [True]


def test_a_block_that_is_active_does_not_begin_again() -> None:
    with (
        ShutdownProtection(name="booking") as block,
        pytest.raises(RuntimeError, match="booking is active already"),
    ):
        block.protect()


def test_a_block_can_be_used_by_hand_and_ended_twice() -> None:
    block = ProtectedBlock(60)
    configure_shutdown_manager()
    block.protect()
    assert stop_of(ask) is None
    assert isinstance(stop_of(block.unprotect), SystemExit)
    assert stop_of(block.unprotect) is None


def test_a_block_can_begin_again_when_it_has_ended() -> None:
    block = ProtectedBlock(60)
    for _ in range(2):
        block.protect()
        assert block.active
        block.unprotect()
        assert not block.active
