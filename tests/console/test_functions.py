"""The functions of the original, on the console of the process."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

import lifetime.console
from lifetime.console import Console, functions, threads, wait_any
from lifetime.console.daemons import Unstartable
from tests.console.operators import Callback
from tests.console.running import PATIENCE
from tests.processes.server import PROJECT


@pytest.fixture
def default(monkeypatch: pytest.MonkeyPatch, served: Console) -> Iterator[Console]:
    """The console of the process is that of the test."""
    monkeypatch.setattr(functions, "_default", served)
    yield served


def test_put_is_one_line_on_standard_error(
    default: Console, capfd: pytest.CaptureFixture[str]
) -> None:
    assert functions.put("two\nlines") == (0,)
    assert capfd.readouterr().err == "two lines\n"


def test_put_goes_to_the_log_if_that_takes_it(
    default: Console, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, "lifetime")
    functions.put("a message", route=11, desc=2)
    assert caplog.messages == ["a message"]
    assert capfd.readouterr().err == ""


def test_put_cuts_at_126_characters_unless_told_otherwise(
    default: Console, capfd: pytest.CaptureFixture[str]
) -> None:
    functions.put("x" * 200)
    functions.put("x" * 200, limit=150)
    assert [len(line) for line in capfd.readouterr().err.splitlines()] == [126, 150]


def test_console2_is_another_way(default: Console, capfd: pytest.CaptureFixture[str]) -> None:
    assert functions.console2("hello") == (0,)
    assert capfd.readouterr().err == "hello\n"


def test_taskinfo_says_who_we_are(default: Console) -> None:
    info = functions.taskinfo()
    assert info["jobname"] == "demo    "
    assert (info["pid"], info["tid"]) == (os.getpid(), threading.get_native_id())
    assert int(info["ascb"], 16) == os.getpid()
    assert re.fullmatch("[0-9A-F]{8,}", info["tcb"])
    assert isinstance(info["tcbttime"], int)


def test_the_wrapper_calls_back_and_cleans_up(default: Console) -> None:
    wrapper = functions.console()
    handle = wrapper.cb(Callback(), ["a"])
    wrapper.cleanup(handle)
    assert default.cancel(handle) == 4


def test_the_wrapper_cleans_up_at_the_end_of_a_block(default: Console) -> None:
    with functions.console() as wrapper:
        handles = [wrapper.cb(Callback()), wrapper.cb(Callback())]
        assert wrapper.put("hello", route=2, desc=3) == wrapper.console2("hello") == (0,)
    assert [default.cancel(handle) for handle in handles] == [4, 4]


def test_the_functions_are_those_of_the_default_console(default: Console) -> None:
    callback = Callback()
    handle = lifetime.console.acb(callback, [])
    assert lifetime.console.cancel(handle) == 0
    handle = lifetime.console.init()
    assert not lifetime.console.arrived(handle).posted
    assert lifetime.console.kill(handle) == 0
    assert lifetime.console.get(handle) == {"rc": 8}


def test_no_thread_is_there_before_the_first_handle() -> None:
    """B6."""
    program = """
import os
from lifetime import console
print(len(os.listdir("/proc/self/task")))
console.put("nothing")
console.acb(print, [])
print(len(os.listdir("/proc/self/task")))
"""
    assert run(program).stdout.split() == ["1", "3"]


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_our_threads_take_no_signals() -> None:
    """B6: the kernel delivers them to the main thread alone."""
    program = """
import os
from lifetime import console
console.acb(print, [])
console.Timer(60.0, int)
console.threads.timed.start()
for task in sorted(os.listdir("/proc/self/task")):
    lines = open(f"/proc/self/task/{task}/status").read().splitlines()
    blocked = next(line for line in lines if line.startswith("SigBlk"))
    print(int(blocked.split()[1], 16) & (1 << 14) != 0)  # SIGTERM
"""
    assert sorted(run(program).stdout.split()) == ["False", "True", "True", "True"]


def test_a_handle_asked_for_at_the_very_end_is_said_to_hear_nothing() -> None:
    """B6: from 3.12 on no thread can be started by then."""
    program = """
import atexit
from lifetime import console
def late():
    handle = console.acb(print, [])
    print(console.cancel(handle))
class AtTheVeryEnd:
    def __del__(self):
        late()
import sys
sys.modules["kept until the end"] = AtTheVeryEnd()
"""
    ended = run(program)
    assert ended.returncode == 0
    assert ended.stdout in ("4\n", "")  # some Pythons let go of such an object without a word


def test_a_sub_interpreter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """B6: Python says so when the thread is started."""

    def start(self: threading.Thread) -> None:
        raise RuntimeError("daemon threads are disabled in this (sub)interpreter")

    threads.close()
    monkeypatch.setattr(threading.Thread, "start", start)
    console = Console()
    with pytest.raises(Unstartable, match="use the console in the main interpreter"):
        console.acb(print, [])


def test_the_end_of_the_interpreter_is_said_and_survived(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """B6."""

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    threads.close()
    monkeypatch.setattr(threading.Thread, "start", start)
    console = Console()
    handle = console.acb(print, [])
    assert "hears nothing: no thread can be started" in caplog.text
    assert console.cancel(handle) == 4


#: From 3.12 on Python says that a fork with threads is a risk; here it is the point.
FORKING = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c"]

FORK = """
import os, sys, threading, time
from lifetime import console
from lifetime.console.sources.unix_socket import UnixSocket
path = sys.argv[1]
called = console.ECB()
console.acb(lambda args, qedit: called.post(), [])
default = console.default()
default.open(UnixSocket(path))
child = os.fork()
if child == 0:
    assert len(os.listdir("/proc/self/task")) == 1
    assert console.cancel(1) == 4, "the parent's handle is over here"
    try:
        default.open(UnixSocket(path))
    except OSError as error:
        assert "is running" in str(error)
    else:
        raise AssertionError("taken from the parent")
    default.open(UnixSocket(path + ".child"))
    heard = console.ECB()
    console.acb(lambda args, qedit: heard.post(), [])
    from lifetime.console import client
    assert client.ask(path + ".child", "f", "text")[0] == 0
    assert heard.posted and not called.posted
    sys.exit(0)  # with all its clean-up
assert os.waitpid(child, 0)[1] == 0
assert os.path.exists(path) and not os.path.exists(path + ".child")
from lifetime.console import client
assert client.ask(path, "f", "text")[0] == 0
assert called.posted
print("well")
"""


def test_parent_and_child_of_a_fork_each_have_a_console_of_their_own(
    place: object,
) -> None:
    """B6."""
    ended = subprocess.run(
        [*FORKING, FORK, f"{place}/socket"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "well\n", "")


def test_a_child_that_lives_on_keeps_no_client_waiting(place: object) -> None:
    """B6: its copies of the connections are closed."""
    program = """
import os, sys, time
from lifetime import console
from lifetime.console.sources.unix_socket import UnixSocket
console.default().open(UnixSocket(sys.argv[1]))
from lifetime.console import client
sock = client.connect(sys.argv[1])
sock.sendall(b"watch\\n")
assert sock.recv(100) == b"0 watching the server\\n"
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(writer)
    os.read(reader, 1)  # lives until its parent has ended
    os._exit(0)
os.close(reader)
console.default().close()
assert sock.recv(100) == b""
print("well")
"""
    ended = subprocess.run(
        [*FORKING, program, f"{place}/socket"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "well\n", "")


def test_system_exit_in_a_timer_is_a_request_to_stop() -> None:
    program = """
import lifetime
from lifetime import console
from tests.console.running import Member
def leave():
    raise SystemExit(7)
Member(lifetime.default())
console.Timer(0.05, leave)
raise SystemExit(lifetime.run())
"""
    assert run(program).returncode == 7


def test_a_wait_ends_when_a_timer_of_the_console_posts(default: Console) -> None:
    token = functions.default().token
    lifetime.console.Timer(0.01, token.request, ["time is up"])
    assert wait_any([token], PATIENCE) == [token]
    assert token.reason == "time is up"
