"""The switch interval is short while a thread is being woken, and at no other time."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from lifetime.console.prompt_switches import SHORTEST, PromptSwitch
from lifetime.console.runner import Runner

USUAL = 0.003


@pytest.fixture(autouse=True)
def interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(USUAL)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def runner() -> Iterator[Runner]:
    runner = Runner("the test's runner")
    yield runner
    assert runner.close()


def is_usual() -> bool:
    return sys.getswitchinterval() == pytest.approx(USUAL)


def test_it_is_short_until_the_one_that_waits_is_awake() -> None:
    switch = PromptSwitch()
    switch.waiting()
    switch.hurry()
    switch.hurry()
    assert sys.getswitchinterval() == pytest.approx(SHORTEST)
    switch.awake()
    assert is_usual()


def test_it_stays_where_nobody_waits() -> None:
    switch = PromptSwitch()
    switch.waiting()
    switch.awake()
    switch.hurry()
    assert is_usual()


def test_what_somebody_else_sets_meanwhile_stays() -> None:
    switch = PromptSwitch()
    switch.waiting()
    switch.hurry()
    sys.setswitchinterval(0.02)
    switch.awake()
    assert sys.getswitchinterval() == pytest.approx(0.02)


def test_a_callback_runs_under_the_usual_one(runner: Runner) -> None:
    seen: list[bool] = []
    done = threading.Event()
    for _ in range(50):
        done.clear()
        runner.submit(lambda: seen.append(is_usual()))
        runner.submit(done.set)
        assert done.wait(10.0)
    assert seen == [True] * 50


def test_it_is_usual_behind_whatever_order_of_commands(runner: Runner) -> None:
    def many() -> None:
        for _ in range(200):
            runner.submit(lambda: None)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = threading.Event()
    runner.submit(done.set)
    assert done.wait(10.0)
    assert is_usual()


def test_it_is_usual_when_ctrl_c_keeps_the_command_from_the_queue(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        def put(self, task: object) -> None:
            raise KeyboardInterrupt

    begun = threading.Event()
    runner.submit(begun.set)
    assert begun.wait(10.0)
    until = time.monotonic() + 10.0
    while not runner._switch._waits and time.monotonic() < until:
        time.sleep(0.001)  # it is on its way back to its queue
    with monkeypatch.context() as patch:
        patch.setattr(runner, "_tasks", Interrupted())
        with pytest.raises(KeyboardInterrupt):
            runner.submit(lambda: None)
    assert is_usual()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_the_usual_one() -> None:
    switch = PromptSwitch()
    switch.waiting()
    switch.hurry()
    child = os.fork()
    if not child:
        switch.forget()
        os._exit(0 if is_usual() else 1)
    switch.awake()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
