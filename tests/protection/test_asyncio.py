"""`async with`: the window of a task, which is cancelled instead of interrupted."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from lifetime.inquiry import guests
from lifetime.protection import (
    ProtectedBlock,
    ShutdownImminentException,
    ShutdownProtection,
    configure_shutdown_manager,
    release,
)
from tests.protection.programs import TOO_LONG, ask, in_thread, run, seconds_of, stop_of

FOREVER = 20.0


def test_async_with_gives_the_block() -> None:
    async def main() -> None:
        async with ShutdownProtection(60) as block:
            assert isinstance(block, ProtectedBlock)
            assert block.active
            assert not block.pending

    asyncio.run(main())
    assert not guests


def test_a_request_waits_for_the_end_of_a_tasks_block() -> None:
    done: list[str] = []

    async def main() -> None:
        async with ShutdownProtection(60):
            ask()
            await asyncio.sleep(0.01)
            done.append("body")
        done.append("behind")

    assert isinstance(stop_of(lambda: asyncio.run(main())), SystemExit)
    assert done == ["body"]


def test_a_task_that_overruns_is_cancelled_at_its_deadline_and_the_process_stops() -> None:
    done: list[str] = []

    async def main() -> None:
        async with ShutdownProtection(0.5):
            ask(signal.SIGINT)
            try:
                await asyncio.sleep(FOREVER)
            except asyncio.CancelledError:
                await asyncio.sleep(0.2)  # what it still has to do, it may await
                done.append("cleaned up")
                raise

    seconds = seconds_of(lambda: stops.append(stop_of(lambda: asyncio.run(main()))))
    assert seconds < FOREVER / 2
    assert isinstance(stops[0], KeyboardInterrupt)
    assert done == ["cleaned up"]


stops: list[BaseException | None] = []


def test_a_cancelled_task_has_its_window_once_more_and_is_then_interrupted() -> None:
    done: list[str] = []

    async def main() -> None:
        async with ShutdownProtection(0.05):
            ask()
            try:
                await asyncio.sleep(FOREVER)
            except asyncio.CancelledError:
                done.append("cancelled")
                await asyncio.sleep(FOREVER)

    assert seconds_of(lambda: stop_of(lambda: asyncio.run(main()))) < FOREVER / 2
    assert done == ["cancelled"]


async def in_a_generator(window: float) -> AsyncIterator[ProtectedBlock]:
    async with ShutdownProtection(window) as block:
        yield block


def test_a_block_whose_task_has_ended_without_it_holds_the_stop_until_its_window_is_over() -> None:
    async def main() -> None:
        generator = in_a_generator(0.05)

        async def begin() -> None:
            blocks.append(await generator.__anext__())

        await asyncio.create_task(begin())
        ask()
        await asyncio.sleep(FOREVER)

    blocks: list[ProtectedBlock] = []
    assert seconds_of(lambda: stop_of(lambda: asyncio.run(main()))) < FOREVER / 2
    assert not blocks[0].interrupted  # nobody cleans up, so it has no second window


def test_exit_stacks_that_share_an_object_end_the_blocks_of_their_own_tasks() -> None:
    protection = ShutdownProtection(60)
    active: list[bool] = []

    async def other(entered: asyncio.Event, left: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            block = await stack.enter_async_context(protection)
            entered.set()
            await left.wait()
            active.append(block.active)

    async def main() -> None:
        entered, left = asyncio.Event(), asyncio.Event()
        async with AsyncExitStack() as stack:
            block = await stack.enter_async_context(protection)
            task = asyncio.create_task(other(entered, left))
            await entered.wait()
            await stack.aclose()
            active.append(block.active)
        left.set()
        await task

    asyncio.run(main())
    assert active == [False, True]


def test_an_asynchronous_generator_that_another_task_closes_ends_its_block() -> None:
    async def main() -> None:
        generator = in_a_generator(60)

        async def begin() -> ProtectedBlock:
            return await generator.__anext__()

        block = await asyncio.create_task(begin())
        assert block.active
        await generator.aclose()  # type: ignore[attr-defined]
        assert not block.active

    asyncio.run(main())


def test_a_task_that_awaits_nothing_is_interrupted_at_its_deadline() -> None:
    async def main() -> None:
        async with ShutdownProtection(0.05):
            ask()
            time.sleep(FOREVER)

    assert seconds_of(lambda: stop_of(lambda: asyncio.run(main()))) < FOREVER / 2


def test_a_window_that_was_renewed_meanwhile_cancels_nothing() -> None:
    done: list[str] = []

    async def main() -> None:
        async with ShutdownProtection(0.05) as block:
            ask()
            block.renew(60)
            await asyncio.sleep(0.2)
            done.append("body")

    assert stop_of(lambda: asyncio.run(main()))
    assert done == ["body"]


def test_a_breaking_point_of_a_task_stops_the_process() -> None:
    done: list[str] = []

    async def main() -> None:
        async with ShutdownProtection(60) as block:
            ask()
            await asyncio.sleep(0)
            block.allow_break()
            done.append("body")

    assert isinstance(stop_of(lambda: asyncio.run(main())), SystemExit)
    assert not done


def test_blocks_of_several_tasks_end_in_any_order_and_all_are_waited_for() -> None:
    done: list[str] = []
    shared = ShutdownProtection(60)

    async def work(name: str, seconds: float) -> None:
        async with shared:
            await asyncio.sleep(seconds)
            done.append(name)

    async def main() -> None:
        tasks = [asyncio.create_task(work("slow", 0.2)), asyncio.create_task(work("quick", 0.05))]
        await asyncio.sleep(0.01)
        ask()
        await asyncio.gather(*tasks)
        done.append("never")

    assert isinstance(stop_of(lambda: asyncio.run(main())), SystemExit)
    assert done == ["quick", "slow"]


def test_the_break_of_one_tasks_block_leaves_the_others_alone() -> None:
    done: list[str] = []

    async def breaks() -> None:
        async with ShutdownProtection(60) as block:
            await asyncio.sleep(0.01)
            ask()
            block.allow_break()
            done.append("never")
        done.append("broken")

    async def goes_on() -> None:
        async with ShutdownProtection(60):
            await asyncio.sleep(0.1)
            done.append("gone on")

    async def main() -> None:
        await asyncio.gather(breaks(), goes_on())

    assert isinstance(stop_of(lambda: asyncio.run(main())), SystemExit)
    assert done == ["broken", "gone on"]


def test_a_task_that_begins_too_late_does_not_begin_and_harms_nobody() -> None:
    done: list[str] = []

    async def late() -> None:
        async with ShutdownProtection(60):
            done.append("late")

    async def main() -> None:
        async with ShutdownProtection(60):
            ask()
            task = asyncio.create_task(late())
            await asyncio.sleep(0.1)
            done.append("body")
        await task

    assert isinstance(stop_of(lambda: asyncio.run(main())), SystemExit)
    assert done == ["body"]


def test_a_task_may_nest_blocks_while_a_request_is_pending() -> None:
    done: list[str] = []

    async def main() -> None:
        async with ShutdownProtection(60):
            ask()
            async with ShutdownProtection(60):
                done.append("inner")
            done.append("outer")

    assert isinstance(stop_of(lambda: asyncio.run(main())), SystemExit)
    assert done == ["inner", "outer"]


def test_a_request_from_outside_wakes_a_loop_that_waits_for_nothing_in_time() -> None:
    def measure() -> float:
        async def main() -> None:
            async with ShutdownProtection(0.02) as block:
                deadlines.append(block.deadline)
                ask()
                await asyncio.get_running_loop().create_future()

        deadlines: list[float] = []
        release()
        assert stop_of(lambda: asyncio.run(main()))
        return time.monotonic() - deadlines[0]

    assert min(measure() for _ in range(5)) < 0.05


def test_nobody_complains_about_the_exception_of_a_task() -> None:
    program = """
        async def work():
            async with ShutdownProtection(60):
                ask("SIGTERM")
                await asyncio.sleep(0.05)
        async def main():
            task = asyncio.create_task(work())
            await asyncio.sleep(20)
        asyncio.run(main())
    """
    ended = run(program)
    assert (ended.returncode, ended.stderr) == (143, "")


def test_in_another_threads_loop_a_block_holds_the_main_thread() -> None:
    configure_shutdown_manager()
    protected = threading.Event()
    may_end = threading.Event()
    refused: list[BaseException] = []

    async def work() -> None:
        async with ShutdownProtection(60):
            protected.set()
            while not may_end.is_set():
                await asyncio.sleep(0.01)
        try:
            async with ShutdownProtection(60):
                raise AssertionError("it was let in")
        except ShutdownImminentException as error:
            refused.append(error)

    with in_thread(lambda: asyncio.run(work())):
        protected.wait(TOO_LONG)
        ask()
        threading.Timer(0.1, may_end.set).start()
        assert isinstance(stop_of(lambda: time.sleep(FOREVER)), SystemExit)
    assert len(refused) == 1
