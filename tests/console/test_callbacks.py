"""`acb` and `cancel`: a callback for every command, in a thread of its own, one at a time."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lifetime import Phase
from lifetime.console import ECB, Console, wait_any
from tests.console.operators import Callback, Operator, settle, taken_in
from tests.console.running import RunningLoop

PATIENCE = 20.0  # seconds; far above what any of this needs


class Gate:
    """Something a callback waits at until the test opens it."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def __call__(self, qedit: dict[str, Any]) -> None:
        assert self.open.wait(PATIENCE)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def test_the_first_argument_is_the_callback_and_its_parameters(
    served: Console, operator: Operator
) -> None:
    callback = Callback()
    parms = ["a", 2]
    served.acb(callback, parms)
    operator("f text")
    assert callback.args == [(callback, parms)]
    assert callback.args[0][1] is parms


def test_the_second_argument_has_the_keys_and_types_of_the_original(
    served: Console, operator: Operator
) -> None:
    callback = Callback()
    served.acb(callback, [])
    operator("f some Text")
    qedit = callback.qedits[0]
    assert {key: type(qedit[key]) for key in list(qedit)} == {
        "rc": int,
        "verb": str,
        "data": str,
        "console": str,
        "cart": bytes,
        "consoleid": bytes,
        "oconsoleid": bytes,
        "source": str,
        "uid": int,
        "gid": int,
        "pid": int,
        "reply": type(qedit["reply"]),
    }
    assert (qedit["rc"], qedit["verb"], qedit["data"]) == (0, "Modify", "some Text")
    assert (qedit["console"], len(qedit["cart"])) == ("operator", 8)
    assert qedit["consoleid"] == (17).to_bytes(4, "big") + (1000).to_bytes(4, "big")


def test_every_call_gets_a_dictionary_of_its_own(served: Console, operator: Operator) -> None:
    callbacks = [Callback(lambda qedit: qedit.clear()), Callback()]
    for callback in callbacks:
        served.acb(callback, [])
    operator("f one")
    operator("f two")
    assert callbacks[1].data == ["one", "two"]


def test_callbacks_run_in_a_thread_of_ours(served: Console, operator: Operator) -> None:
    callback = Callback()
    served.acb(callback, [])
    operator("f text")
    assert callback.thread is not None
    assert callback.thread.name == "console-runner"


def test_commands_come_in_the_order_of_their_arrival(served: Console, operator: Operator) -> None:
    callback = Callback()
    served.acb(callback, [])
    for number in range(20):
        operator(f"f {number}")
    assert callback.data == [str(number) for number in range(20)]


def test_stop_comes_last_with_a_blank_and_ends_the_handle(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    callback = Callback()
    handle = served.acb(callback, [])
    operator("f text")
    loop.member.holds = Phase.WITHDRAWING
    assert operator("p") == (0, "stopping")
    settle()
    assert [(each["verb"], each["data"]) for each in callback.qedits] == [
        ("Modify", "text"),
        ("Stop", " "),
    ]
    assert served.cancel(handle) == 4
    assert operator("f more") == (4, "stopping; there is no command after a stop")


def test_the_request_to_stop_is_there_before_the_callback_is_called(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    seen: list[bool] = []
    loop.member.holds = Phase.WITHDRAWING
    served.acb(Callback(lambda qedit: seen.append(served.token.posted)), [])
    operator("p")
    settle()
    assert seen == [True]
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)


def test_a_stop_that_comes_from_elsewhere_is_called_back_too(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    callback = Callback()
    served.acb(callback, [])
    loop.life.shutdown()
    assert wait_any([callback.called], PATIENCE)
    assert (callback.qedits[0]["verb"], callback.qedits[0]["source"]) == ("Stop", "program")
    assert served.token.reason == "a stop was asked of the Lifetime"


def test_after_a_stop_was_taken_back_commands_are_heard_again(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.WITHDRAWING
    operator("p")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    taken_back = ECB()
    loop.life.call_soon_threadsafe(loop.life.resume)
    loop.life.call_soon_threadsafe(taken_back.post)
    assert wait_any([taken_back], PATIENCE)
    callback = Callback()
    served.acb(callback, [])
    assert operator("f text")[0] == 0
    assert not served.token.posted


def test_what_a_callback_replies_goes_to_the_operator(served: Console, operator: Operator) -> None:
    served.acb(Callback(lambda qedit: [qedit["reply"]("one\ntwo"), qedit["reply"]("three")]), [])
    assert operator("f text") == (0, "one\ntwo\nthree")


def test_a_reply_behind_the_answer_is_refused(served: Console, operator: Operator) -> None:
    callback = Callback()
    served.acb(callback, [])
    operator("f text")
    assert callback.qedits[0]["reply"]("too late") is False


def test_an_exception_is_logged_answered_and_ends_nothing(
    served: Console, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    callback = Callback(lambda qedit: 1 / 0)
    served.acb(callback, [])
    for _ in range(2):
        answer = operator("f text")
        assert answer == (12, "the callback failed: ZeroDivisionError: division by zero")
    assert "Traceback" in caplog.text
    assert len(callback.qedits) == 2


def test_system_exit_is_a_request_to_stop(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    def leave(qedit: dict[str, Any]) -> None:
        raise SystemExit(5)

    loop.member.holds = Phase.WITHDRAWING
    served.acb(Callback(leave), [])
    operator("f text")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    assert loop.life.exit_code == 5


def test_a_third_command_that_is_not_taken_is_answered_busy(
    served: Console, operator: Operator, gate: Gate
) -> None:
    callback = Callback(gate)
    served.acb(callback, [])
    first = operator.begin("f taken")
    assert wait_any([callback.called], PATIENCE)
    waiting = [operator.begin(f"f {number}") for number in range(2)]
    assert operator("f too many") == (8, "2 commands wait already; try again")
    gate.open.set()
    assert [answer()[0] for answer in [first, *waiting]] == [0, 0, 0]
    assert callback.data == ["taken", "0", "1"]


def test_a_callback_that_blocks_delays_neither_a_display_nor_a_stop(
    served: Console, operator: Operator, gate: Gate, loop: RunningLoop
) -> None:
    """C13."""
    callback = Callback(gate)
    served.acb(callback, [])
    loop.member.holds = Phase.WITHDRAWING
    operator.begin("f blocks")
    assert wait_any([callback.called], PATIENCE)
    assert operator("d")[0] == 0
    assert operator("p") == (0, "stopping")
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)
    assert not gate.open.is_set()


def test_an_operator_hears_when_the_callback_takes_too_long(
    served: Console, operator: Operator, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifetime.console.hub.CALLBACK_LIMIT", 0.01)
    served.acb(Callback(gate), [])
    assert operator("f text") == (0, "the callback has not come back yet")


def test_two_handles_are_both_called_and_the_worse_outcome_is_the_answer(
    served: Console, operator: Operator
) -> None:
    well, badly = Callback(), Callback(lambda qedit: 1 / 0)
    served.acb(badly, [])
    served.acb(well, [])
    assert operator("f text")[0] == 12
    assert well.data == badly.data == ["text"]


def test_a_text_that_nobody_takes_is_not_understood(operator: Operator) -> None:
    rc, text = operator("f anything")
    assert (rc, text) == (16, "'anything' is not understood; this program takes no text")


def test_cancel_answers_0_then_4(served: Console) -> None:
    handle = served.acb(Callback(), [])
    assert [served.cancel(handle), served.cancel(handle)] == [0, 4]


@pytest.mark.parametrize("number", [0, -1, 999_999_999])
def test_cancel_of_what_never_was_a_handle_is_an_error(served: Console, number: int) -> None:
    with pytest.raises(ValueError, match="never was a handle"):
        served.cancel(number)


@pytest.mark.parametrize("number", [None, "1", 1.0, True])
def test_cancel_of_what_is_no_number_is_an_error(served: Console, number: object) -> None:
    with pytest.raises(TypeError, match="is no handle"):
        served.cancel(number)  # type: ignore[arg-type]


def test_no_callback_begins_once_cancel_has_returned(
    served: Console, operator: Operator, gate: Gate
) -> None:
    callback = Callback(gate)
    handle = served.acb(callback, [])
    operator.begin("f first")
    assert wait_any([callback.called], PATIENCE)
    answer = operator.begin("f second")
    taken_in()
    threading.Timer(0.05, gate.open.set).start()
    assert served.cancel(handle) == 0
    settle()
    assert callback.data == ["first"]
    assert answer() == (4, "the program has stopped listening")


def test_cancel_waits_for_a_callback_in_progress(
    served: Console, operator: Operator, gate: Gate
) -> None:
    ended: list[float] = []
    callback = Callback(lambda qedit: [gate(qedit), ended.append(time.monotonic())])
    handle = served.acb(callback, [])
    operator.begin("f text")
    assert wait_any([callback.called], PATIENCE)
    threading.Timer(0.05, gate.open.set).start()
    served.cancel(handle)
    assert ended


def test_cancel_does_not_wait_for_ever(
    served: Console, operator: Operator, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifetime.console.handles.CANCEL_LIMIT", 0.01)
    callback = Callback(gate)
    handle = served.acb(callback, [])
    operator.begin("f text")
    assert wait_any([callback.called], PATIENCE)
    assert served.cancel(handle) == 0
    assert not gate.open.is_set()


def test_a_callback_may_cancel_itself(served: Console, operator: Operator) -> None:
    handle = 0
    answers: list[int] = []
    callback = Callback(lambda qedit: answers.append(served.cancel(handle)))
    handle = served.acb(callback, [])
    began = time.monotonic()
    operator("f text")
    assert answers == [0]
    assert time.monotonic() - began < 1.0


def test_of_many_threads_that_cancel_at_once_one_gets_0(served: Console) -> None:
    handle = served.acb(Callback(), [])
    start = threading.Barrier(8)
    answers: list[int] = []

    def cancel() -> None:
        start.wait(PATIENCE)
        answers.append(served.cancel(handle))

    cancellers = [threading.Thread(target=cancel) for _ in range(8)]
    for each in cancellers:
        each.start()
    for each in cancellers:
        each.join(PATIENCE)
    assert sorted(answers) == [0] + [4] * 7


@pytest.mark.parametrize(("callback", "parms"), [("no", []), (None, []), (print, None), (print, 3)])
def test_what_cannot_be_called_back_is_refused_at_once(
    served: Console, callback: Any, parms: Any
) -> None:
    with pytest.raises(TypeError, match="acb"):
        served.acb(callback, parms)


def test_start_comes_first_when_start_data_was_given(loop: RunningLoop) -> None:
    console = Console(loop.life, start="'the text'")
    operator = Operator(console)
    callback = Callback()
    console.acb(callback, [])
    operator("f text")
    assert [(each["verb"], each["data"]) for each in callback.qedits] == [
        ("Start", "'the text'"),
        ("Modify", "text"),
    ]
    console.close()


def test_start_data_may_come_from_the_environment(
    loop: RunningLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFETIME_START", "")
    console = Console(loop.life)
    callback = Callback()
    console.acb(callback, [])
    assert wait_any([callback.called], PATIENCE)
    assert (callback.qedits[0]["verb"], callback.qedits[0]["data"]) == ("Start", "")
    console.close()


def test_without_start_data_there_is_no_start(served: Console, operator: Operator) -> None:
    callback = Callback()
    served.acb(callback, [])
    operator("f text")
    assert callback.data == ["text"]


def test_texts_are_folded_on_request_but_not_between_quotes(loop: RunningLoop) -> None:
    console = Console(loop.life, fold=True)
    callback = Callback()
    console.acb(callback, [])
    Operator(console)("f some text, 'as it is' and more")
    assert callback.data == ["SOME TEXT, 'as it is' AND MORE"]
    console.close()


def test_what_is_queued_is_still_called_back_when_the_console_closes(
    served: Console, operator: Operator, gate: Gate
) -> None:
    callback = Callback(gate)
    served.acb(callback, [])
    operator.begin("f first")
    operator.begin("f second")
    taken_in()
    assert wait_any([callback.called], PATIENCE)
    threading.Timer(0.05, gate.open.set).start()
    served.close()
    assert callback.data == ["first", "second"]


def test_a_handle_that_comes_behind_the_stop_is_told_at_once(
    served: Console, operator: Operator, loop: RunningLoop
) -> None:
    loop.member.holds = Phase.DRAINING
    operator("p")
    late = Callback()
    number = served.acb(late)
    assert wait_any([late.called], 20.0)
    settle()
    assert [qedit["verb"] for qedit in late.qedits] == ["Stop"]
    assert served.cancel(number) == 4  # over, as every handle behind a stop
    assert served.get(served.init())["verb"] == "Stop"


def test_handles_that_are_asked_for_at_once_have_different_numbers(served: Console) -> None:
    numbers: list[int] = []

    def ask() -> None:
        numbers.extend(served.init() for _ in range(200))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20.0)
    finally:
        sys.setswitchinterval(interval)
    assert len(set(numbers)) == 1600
    for number in numbers:
        assert served.cancel(number) == 0


def test_ten_thousand_handles_leave_nothing_behind(served: Console) -> None:
    def count() -> tuple[int, int]:
        gc.collect()
        return len(os.listdir("/dev/fd")), threading.active_count()

    served.cancel(served.acb(Callback(), []))
    before = count()
    for _ in range(10_000):
        served.cancel(served.acb(Callback(), []))
    # Fewer, if a thread only now lets go of what a test before this one has used.
    assert all(now <= then for now, then in zip(count(), before, strict=True))
    assert len(served._handles) == 0
