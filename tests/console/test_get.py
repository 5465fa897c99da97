"""`init`, `get` and `kill`: the program waits for its commands itself.  And `async for`."""

from __future__ import annotations

import asyncio
import signal
import threading
from types import FrameType
from typing import Any

import pytest

from lifetime import Phase
from lifetime.console import Console, ShutdownToken, Timer, wait_any
from lifetime.console.reader import Commands
from tests.console.operators import Callback, Operator
from tests.console.running import PATIENCE, RunningLoop


def test_get_returns_what_a_callback_would_be_given(served: Console, operator: Operator) -> None:
    handle = served.init()
    operator.begin("f some text")
    qedit = served.get(handle)
    assert (qedit["rc"], qedit["verb"], qedit["data"]) == (0, "Modify", "some text")


def test_get_waits_for_a_command(served: Console, operator: Operator) -> None:
    handle = served.init()
    threading.Timer(0.02, operator.begin, ["f later"]).start()
    assert served.get(handle)["data"] == "later"


def test_kill_ends_a_get_with_return_code_8_every_time(served: Console) -> None:
    handle = served.init()
    threading.Timer(0.02, served.kill, [handle]).start()
    assert served.get(handle) == {"rc": 8}
    assert served.get(handle) == {"rc": 8}
    assert served.kill(handle) == 4


def test_kill_ends_every_thread_that_waits(served: Console) -> None:
    handle = served.init()
    results: list[dict[str, Any]] = []
    waiters = [
        threading.Thread(target=lambda: results.append(served.get(handle))) for _ in range(3)
    ]
    for waiter in waiters:
        waiter.start()
    served.kill(handle)
    for waiter in waiters:
        waiter.join(PATIENCE)
    assert results == [{"rc": 8}] * 3


def test_after_a_stop_there_is_nothing_more_to_get(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.WITHDRAWING
    handle = served.init()
    operator("p")
    assert served.get(handle)["verb"] == "Stop"
    assert served.get(handle) == {"rc": 8}


def test_a_get_of_what_never_was_a_handle_is_an_error(served: Console) -> None:
    with pytest.raises(ValueError, match="never was a handle"):
        served.get(77)


def test_a_get_of_a_handle_with_a_callback_is_an_error(served: Console) -> None:
    handle = served.acb(Callback(), [])
    with pytest.raises(ValueError, match="has a callback"):
        served.get(handle)


def test_what_a_signal_handler_raises_comes_out_and_the_handle_stays_usable(
    served: Console, operator: Operator
) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise InterruptedError("by a signal")

    handle = served.init()
    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(InterruptedError, match="by a signal"):
            served.get(handle)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, old)
    operator.begin("f afterwards")
    assert served.get(handle)["data"] == "afterwards"


def test_a_reply_is_what_the_operator_reads(served: Console, operator: Operator) -> None:
    handle = served.init()
    answer = operator.begin("f question")
    served.get(handle)["reply"]("an answer")
    assert answer() == (0, "an answer")  # a second later: nobody knows when the program is done


def test_the_next_get_answers_the_command_before(served: Console, operator: Operator) -> None:
    handle = served.init()
    first = operator.begin("f one")
    operator.begin("f two")
    served.get(handle)["reply"]("done with one")
    served.get(handle)
    assert first() == (0, "done with one")


def test_a_third_command_that_is_not_taken_is_answered_busy(
    served: Console, operator: Operator
) -> None:
    served.init()
    operator.begin("f one")
    operator.begin("f two")
    assert operator("f three")[0] == 8


def test_a_command_can_be_waited_for_together_with_token_and_timer(
    served: Console, operator: Operator
) -> None:
    """C7."""
    handle = served.init()
    token, timer, command = ShutdownToken(), Timer(PATIENCE), served.arrived(handle)
    operator.begin("f text")
    assert wait_any([command, token, timer], PATIENCE) == [command]
    assert served.get(handle)["data"] == "text"
    assert not command.posted


def test_a_handle_that_is_over_has_nothing_to_wait_for(served: Console) -> None:
    handle = served.init()
    served.kill(handle)
    with pytest.raises(ValueError, match="is over"):
        served.arrived(handle)


def test_commands_are_an_asynchronous_iterator_that_ends_with_the_stop(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.WITHDRAWING

    async def read() -> list[str]:
        texts = []
        async with Commands(served) as commands:
            operator.begin("f one")
            async for qedit in commands:
                texts.append(qedit["verb"])
                operator.begin("p")
        return texts

    assert asyncio.run(asyncio.wait_for(read(), PATIENCE)) == ["Modify", "Stop"]


def test_an_asynchronous_iterator_that_is_closed_ends(served: Console) -> None:
    async def read() -> list[dict[str, Any]]:
        commands = Commands(served)
        asyncio.get_running_loop().call_later(0.02, commands.close)
        return [qedit async for qedit in commands]

    assert asyncio.run(asyncio.wait_for(read(), PATIENCE)) == []
