"""The real extension of z/OS, with a double in its place: whatever it has is used, and fenced."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from lifetime import Phase
from lifetime.console import Console, functions, wait_any, zconsole
from tests.console.operators import Callback, settle
from tests.console.running import PATIENCE, RunningLoop
from tests.processes.server import PROJECT

#: A handle is an address there, and dereferenced: who gives another one crashes.
ADDRESS = 0x7F00DEAD


def command(verb: str, data: str) -> dict[str, Any]:
    return {
        "rc": 0,
        "verb": verb,
        "data": data,
        "console": "CONS01  ",
        "cart": b"\1" * 8,
        "consoleid": b"\2" * 8,
        "oconsoleid": b"\2" * 8,
    }


class Second:
    """The second generation: a native thread that calls back, and dies if that raises."""

    def __init__(self) -> None:
        self.commands: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self.cancelled: list[int] = []
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.raised: list[BaseException] = []
        self.thread: threading.Thread | None = None

    def acb(self, callback: Callable[..., object], parms: list[Any]) -> int:
        self.thread = threading.Thread(target=self._run, args=[callback, parms], daemon=True)
        self.thread.start()
        return ADDRESS

    def _run(self, callback: Callable[..., object], parms: list[Any]) -> None:
        while (qedit := self.commands.get()) is not None:
            try:
                callback((callback, parms), qedit)
            except BaseException as error:
                self.raised.append(error)
                return
            if qedit["verb"] == "Stop":
                return

    def cancel(self, handle: int) -> int:
        assert handle == ADDRESS, "a crash"
        assert not self.cancelled, "a crash"
        self.cancelled.append(handle)
        self.commands.put(None)
        return 0

    def put(self, text: str, **options: Any) -> tuple[int]:
        self.said.append((text, options))
        return (0,)


class First:
    """The first generation: `get` waits for a command."""

    def __init__(self) -> None:
        self.commands: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.killed: list[int] = []

    def init(self) -> int:
        return ADDRESS

    def get(self, handle: int) -> dict[str, Any]:
        assert handle == ADDRESS, "a crash"
        return self.commands.get()

    def kill(self, handle: int) -> int:
        assert handle == ADDRESS and not self.killed, "a crash"
        self.killed.append(handle)
        self.commands.put({"rc": 8})
        return 0


@pytest.fixture(params=[First, Second])
def extension(request: pytest.FixtureRequest, served: Console) -> Iterator[Any]:
    extension = request.param()
    served.open(zconsole.ExtensionSource(extension))
    yield extension
    served.close()


def ended(extension: Any) -> int:
    """How often it was told to end."""
    return len(extension.killed if isinstance(extension, First) else extension.cancelled)


def test_a_command_of_the_system_comes_to_a_callback(extension: Any, served: Console) -> None:
    callback = Callback()
    served.acb(callback, [])
    extension.commands.put(command("Modify", "SOME 'Text'"))
    assert wait_any([callback.called], PATIENCE)
    qedit = callback.qedits[0]
    assert (qedit["verb"], qedit["data"]) == ("Modify", "SOME 'Text'")
    assert (qedit["console"], qedit["cart"]) == ("CONS01  ", b"\1" * 8)
    assert (qedit["consoleid"], qedit["source"]) == (b"\2" * 8, "zconsole")


def test_a_start_comes_as_a_start(extension: Any, served: Console) -> None:
    callback = Callback()
    served.acb(callback, [])
    extension.commands.put(command("Start", "'text'"))
    assert wait_any([callback.called], PATIENCE)
    assert (callback.qedits[0]["verb"], callback.qedits[0]["data"]) == ("Start", "'text'")


def test_a_stop_of_the_system_stops_and_its_handle_is_over(
    extension: Any, served: Console, loop: RunningLoop
) -> None:
    callback = Callback()
    served.acb(callback, [])
    extension.commands.put(command("Stop", " "))
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)
    settle()
    assert [qedit["verb"] for qedit in callback.qedits] == ["Stop"]
    served.close()
    assert ended(extension) == 0  # its thread has ended by itself, and freed what it had


def test_a_callback_that_fails_does_not_reach_the_extension(
    extension: Any, served: Console
) -> None:
    callback = Callback(lambda qedit: 1 / 0)
    served.acb(callback, [])
    for number in range(3):
        extension.commands.put(command("Modify", str(number)))
    while len(callback.qedits) < 3:
        assert wait_any([callback.called], PATIENCE)
        callback.called.reset()
    assert not getattr(extension, "raised", [])


def test_commands_that_the_system_has_given_up_are_never_lost(
    extension: Any, served: Console
) -> None:
    release = threading.Event()
    callback = Callback(lambda qedit: release.wait(PATIENCE))
    served.acb(callback, [])
    for number in range(10):
        extension.commands.put(command("Modify", str(number)))
    release.set()
    while len(callback.qedits) < 10:
        assert wait_any([callback.called], PATIENCE)
        callback.called.reset()
    assert callback.data == [str(number) for number in range(10)]


def test_it_is_ended_once_at_the_end(extension: Any, served: Console) -> None:
    served.close()
    served.close()
    assert ended(extension) == 1


def test_an_extension_without_either_generation_is_refused(served: Console) -> None:
    with pytest.raises(OSError, match="neither acb"):
        served.open(zconsole.ExtensionSource(object()))


def test_its_put_is_used_with_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    extension = Second()
    monkeypatch.setattr(zconsole, "extension", extension)
    assert functions.put("x" * 200, route=11, token=7) == (0,)
    assert extension.said == [("x" * 126, {"route": 11, "desc": 0, "token": 7})]


def test_what_it_does_not_have_is_ours(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zconsole, "extension", First())
    assert functions.put("to whom it may concern") == (0,)
    assert "to whom it may concern" in capfd.readouterr().err
    assert functions.taskinfo()["pid"] > 0


DOUBLE = """
class Double:
    def __init__(self):
        self.calls = []

import atexit
calls = []
atexit.register(lambda: print(calls))

def acb(callback, parms):
    calls.append("acb")
    return 1 << 40

def cancel(handle):
    calls.append(("cancel", handle == 1 << 40))

def taskinfo():
    return {"jobname": "MYJOB   ", "ascb": "00F0", "tcb": "00A0", "tcbttime": 1}

def console2(text):
    print("console2", text)
    return (0,)
"""

PROGRAM = """
from lifetime import console
first = console.acb(print, [])
second = console.acb(print, [])
assert (first, second) == (1, 2), "small numbers, no addresses"
console.cancel(first)
console.cancel(first)
print(console.taskinfo()["jobname"])
console.console2("hello")
"""


def test_where_it_can_be_imported_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "zconsole.py").write_text(DOUBLE)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{PROJECT}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.stderr == ""
    assert ended.stdout == "MYJOB   \nconsole2 hello\n['acb', ('cancel', True)]\n"
