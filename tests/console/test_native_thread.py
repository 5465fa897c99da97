"""A thread that Python did not make: what a system's extension calls us from.

The C library's `pthread_create` starts it with a callback of ctypes, which enters Python through
the same door as an extension's (`PyGILState_Ensure`).  Part B8 of the specification, and C5.
"""

from __future__ import annotations

import ctypes
import os
import select
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lifetime import Phase
from lifetime.console import ECB, Console, ShutdownToken, wait_any
from tests.console.operators import Operator, settle
from tests.console.running import PATIENCE, RunningLoop
from tests.processes.server import PROJECT

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="knows pthread_t of Linux only"
)

Entry = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)


class NativeThread:
    """Waits with the GIL released, is woken through a pipe, and then calls a callback.

    calls: called in the native thread each time it is woken.
    """

    def __init__(self, calls: Callable[[], object]) -> None:
        self.calls = calls
        self.delays: list[float] = []
        self.name = ""
        self.native_id = 0
        self.failed: list[BaseException] = []
        self.called = ECB()
        self._reader, self._writer = os.pipe()
        self._woken = 0.0
        self._entry = Entry(self._run)  # must live as long as the thread
        self._number = ctypes.c_ulong()
        self._library = ctypes.CDLL(None)
        error = self._library.pthread_create(
            ctypes.byref(self._number), None, self._entry, None
        )
        assert error == 0, os.strerror(error)

    def _run(self, argument: Any) -> None:
        try:
            while True:
                poll = select.poll()
                poll.register(self._reader, select.POLLIN)
                poll.poll()
                if not os.read(self._reader, 1):
                    return
                self.delays.append(time.perf_counter() - self._woken)
                self.name = threading.current_thread().name
                self.native_id = threading.get_native_id()
                self.calls()
                self.called.post()
        except BaseException as error:  # nobody sees what a foreign thread raises
            self.failed.append(error)
            self.called.post()

    def wake(self) -> None:
        """Let it call once, and wait until it has."""
        self.called.reset()
        self._woken = time.perf_counter()
        os.write(self._writer, b"!")
        assert wait_any([self.called], PATIENCE)
        assert not self.failed

    def close(self) -> None:
        """End it, by the end of the pipe."""
        os.close(self._writer)
        assert self._library.pthread_join(self._number, None) == 0
        os.close(self._reader)


@pytest.fixture
def threads_made() -> Iterator[list[NativeThread]]:
    made: list[NativeThread] = []
    yield made
    for thread in made:
        thread.close()


@pytest.fixture
def native(threads_made: list[NativeThread]) -> Callable[[Callable[[], object]], NativeThread]:
    def make(calls: Callable[[], object]) -> NativeThread:
        threads_made.append(NativeThread(calls))
        return threads_made[-1]

    return make


Native = Callable[[Callable[[], object]], NativeThread]


def test_its_way_into_python_is_short(native: Native) -> None:
    thread = native(lambda: None)
    medians = []
    for _ in range(3):  # two busy cores may keep anybody waiting for a while
        thread.delays.clear()
        for _ in range(20):
            thread.wake()
        medians.append(statistics.median(thread.delays))
    assert min(medians) < 0.005
    assert thread.name.startswith("Dummy-")


def test_it_can_post_an_event(native: Native) -> None:
    """C5."""
    token = ShutdownToken()
    woken: list[float] = []
    waiter = threading.Thread(
        target=lambda: wait_any([token], PATIENCE) and woken.append(time.perf_counter())
    )
    waiter.start()
    posted: list[float] = []
    native(lambda: (posted.append(time.perf_counter()), token.request("from far away"))).wake()
    waiter.join(PATIENCE)
    assert token.reason == "from far away"
    assert woken[0] - posted[0] < 1.0  # how soon it may be is in the benchmark


def test_it_can_tell_the_operator(
    native: Native, served: Console, capfd: pytest.CaptureFixture[str]
) -> None:
    native(lambda: served.put("hello from far away")).wake()
    assert "hello from far away" in capfd.readouterr().err


def test_it_can_ask_for_a_shutdown(native: Native, loop: RunningLoop) -> None:
    loop.member.holds = Phase.WITHDRAWING
    native(loop.life.shutdown).wake()
    assert wait_any([loop.in_phase[Phase.WITHDRAWING]], PATIENCE)


def test_it_can_give_a_command(native: Native, served: Console, operator: Operator) -> None:
    texts: list[str] = []
    served.acb(lambda args, qedit: texts.append(qedit["data"]), [])
    native(lambda: operator.begin("f from far away")).wake()
    settle()
    assert texts == ["from far away"]


def test_it_can_have_a_handle_and_be_ended_by_the_main_thread(
    native: Native, served: Console
) -> None:
    results: list[dict[str, Any]] = []
    handles: list[int] = []
    begun = ECB()

    def wait_for_commands() -> None:
        handles.append(served.init())
        begun.post()
        results.append(served.get(handles[0]))

    thread = native(wait_for_commands)
    os.write(thread._writer, b"!")
    assert wait_any([begun], PATIENCE)
    assert served.cancel(handles[0]) == 0
    assert wait_any([thread.called], PATIENCE)
    assert results == [{"rc": 8}]


def test_it_leaves_the_system_when_it_ends(
    native: Native, threads_made: list[NativeThread]
) -> None:
    # Counted by the system: threading.enumerate() keeps a dummy up to Python 3.12.
    thread = native(lambda: None)
    thread.wake()
    assert str(thread.native_id) in os.listdir("/proc/self/task")
    threads_made.pop().close()
    assert str(thread.native_id) not in os.listdir("/proc/self/task")


BLOCKED_AT_THE_END = """
from lifetime.console import acb
from tests.console.test_native_thread import NativeThread
acb(lambda args, qedit: None, [])
thread = NativeThread(lambda: None)
thread.wake()
print("ending")
"""


def test_one_that_still_waits_does_not_hinder_the_end_of_the_program() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BLOCKED_AT_THE_END],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ending\n", "")
