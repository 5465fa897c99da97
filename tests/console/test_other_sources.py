"""FIFO and terminal: lines without a client."""

from __future__ import annotations

import logging
import os
import pty
import select
import stat
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifetime import Phase
from lifetime.console import Console, wait_any
from lifetime.console.places import Unbindable
from lifetime.console.sources.fifo import Fifo
from lifetime.console.sources.terminal import Terminal
from tests.console.operators import Callback, Operator, settle
from tests.console.running import PATIENCE, RunningLoop


@pytest.fixture
def callback(served: Console) -> Callback:
    callback = Callback()
    served.acb(callback, [])
    return callback


def write(path: Path, data: bytes) -> None:
    """As a shell's `echo >` does: open, write, close."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, data)
    os.close(fd)


def awaited(callback: Callback, number: int = 1) -> list[str]:
    """The texts of so many calls."""
    while len(callback.qedits) < number:
        assert wait_any([callback.called], PATIENCE)
        callback.called.reset()
    return callback.data


def test_a_line_written_to_the_fifo_is_a_command(
    place: Path, served: Console, callback: Callback
) -> None:
    served.open(Fifo(str(place / "fifo")))
    write(place / "fifo", b"f some text\n")
    assert awaited(callback) == ["some text"]
    qedit = callback.qedits[0]
    assert (qedit["source"], qedit["uid"], qedit["pid"]) == ("fifo", -1, -1)
    assert qedit["console"] == " " * 8


def test_one_writer_after_the_other_is_heard(
    place: Path, served: Console, callback: Callback
) -> None:
    served.open(Fifo(str(place / "fifo")))
    for number in range(3):
        write(place / "fifo", f"f {number}\n".encode())
        awaited(callback, number + 1)
    assert callback.data == ["0", "1", "2"]


def test_a_line_may_come_in_pieces_and_several_at_once(
    place: Path, served: Console, callback: Callback
) -> None:
    served.open(Fifo(str(place / "fifo")))
    for piece in (b"f o", b"ne\n\nf tw", b"o\n"):
        write(place / "fifo", piece)
    assert awaited(callback, 2) == ["one", "two"]


def test_a_line_that_is_too_long_is_left_out(
    place: Path, served: Console, callback: Callback, caplog: pytest.LogCaptureFixture
) -> None:
    served.open(Fifo(str(place / "fifo")))
    for piece in (b"f ", b"x" * 4000, b"x" * 4000, b"the end\nf next\n"):
        write(place / "fifo", piece)
    assert awaited(callback) == ["next"]
    assert "longer than 4096 bytes" in caplog.text


def test_what_is_not_understood_is_said_in_the_log(
    place: Path, served: Console, callback: Callback, caplog: pytest.LogCaptureFixture
) -> None:
    served.open(Fifo(str(place / "fifo")))
    write(place / "fifo", b"hello\nf afterwards\n")
    awaited(callback)
    assert "was answered 16: 'hello' is no verb" in caplog.text


def test_a_stop_through_the_fifo_stops(place: Path, served: Console, loop: RunningLoop) -> None:
    served.open(Fifo(str(place / "fifo")))
    write(place / "fifo", b"p\n")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)


def test_a_fifo_that_we_made_has_its_mode_and_goes(place: Path, served: Console) -> None:
    served.open(Fifo(str(place / "fifo"), mode=0o620))
    assert stat.S_IMODE((place / "fifo").stat().st_mode) == 0o620
    served.close()
    assert not (place / "fifo").exists()


def test_a_fifo_that_was_there_stays(place: Path, served: Console, callback: Callback) -> None:
    os.mkfifo(place / "fifo")
    served.open(Fifo(str(place / "fifo")))
    write(place / "fifo", b"f text\n")
    assert awaited(callback) == ["text"]
    served.close()
    assert (place / "fifo").exists()


def test_what_is_no_fifo_is_refused(place: Path, served: Console) -> None:
    (place / "fifo").write_text("precious")
    with pytest.raises(Unbindable, match="is no FIFO"):
        served.open(Fifo(str(place / "fifo")))


def test_a_folder_that_others_may_write_is_refused(place: Path, served: Console) -> None:
    place.chmod(0o777)
    with pytest.raises(Unbindable, match="others may write"):
        served.open(Fifo(str(place / "fifo")))


class Keyboard:
    """The other end of a terminal."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        attributes = termios.tcgetattr(self.theirs)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(self.theirs, termios.TCSANOW, attributes)

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def read_until(self, text: str) -> str:
        """What is shown, up to this."""
        shown = ""
        while text not in shown:
            assert select.select([self.ours], [], [], PATIENCE)[0], shown
            shown += os.read(self.ours, 4096).decode()
        return shown

    def close(self) -> None:
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    keyboard = Keyboard()
    yield keyboard
    keyboard.close()


@pytest.fixture
def terminal(served: Console, keyboard: Keyboard) -> Iterator[Terminal]:
    terminal = Terminal(keyboard.theirs, keyboard.theirs)
    served.open(terminal)
    yield terminal
    served.close()


def test_what_is_typed_is_a_command(
    terminal: Terminal, keyboard: Keyboard, callback: Callback
) -> None:
    keyboard.type("f some text\n")
    assert awaited(callback) == ["some text"]
    assert (callback.qedits[0]["source"], callback.qedits[0]["uid"]) == ("tty", os.getuid())


def test_an_answer_is_shown_at_the_terminal(terminal: Terminal, keyboard: Keyboard) -> None:
    keyboard.type("d\n")
    assert "demo is running" in keyboard.read_until("uptime")


def test_a_refusal_is_shown_with_its_code(terminal: Terminal, keyboard: Keyboard) -> None:
    keyboard.type("hello\n")
    assert "16 'hello' is no verb" in keyboard.read_until("understood")


def test_the_terminal_can_watch(terminal: Terminal, keyboard: Keyboard, served: Console) -> None:
    keyboard.type("watch\n")
    keyboard.read_until("watching demo")
    served.put("a message")
    keyboard.read_until("a message")


def test_who_says_watch_twice_sees_everything_once(
    terminal: Terminal, keyboard: Keyboard, served: Console
) -> None:
    for _ in range(2):
        keyboard.type("watch\n")
        keyboard.read_until("watching demo")
    served.put("once")
    served.put("the end")
    assert keyboard.read_until("the end").count("once") == 1


def test_what_is_logged_behind_the_end_is_not_written_to_what_was_the_terminal(
    terminal: Terminal, keyboard: Keyboard, served: Console
) -> None:
    handlers = len(logging.getLogger("lifetime").handlers)
    keyboard.type("watch\n")
    keyboard.read_until("watching demo")
    served.close()
    assert len(logging.getLogger("lifetime").handlers) == handlers
    logging.getLogger("lifetime").error("for nobody")
    settle()
    assert not select.select([keyboard.ours], [], [], 0)[0]


def test_a_stop_that_is_typed_stops(
    terminal: Terminal, keyboard: Keyboard, loop: RunningLoop
) -> None:
    keyboard.type("p\n")
    assert wait_any([loop.in_phase[Phase.TERMINATED]], PATIENCE)


def test_the_end_of_typing_is_no_end_of_the_server(
    terminal: Terminal, keyboard: Keyboard, caplog: pytest.LogCaptureFixture, operator: Operator
) -> None:
    caplog.set_level(logging.INFO, "lifetime")
    keyboard.type("\x04")  # Ctrl-D
    until = time.monotonic() + PATIENCE
    while "nobody types at the terminal any more" not in caplog.text:
        assert operator("d")[0] == 0
        assert time.monotonic() < until


def test_a_terminal_that_takes_no_output_keeps_no_other_operator_waiting(
    terminal: Terminal, keyboard: Keyboard, operator: Operator
) -> None:
    termios.tcflow(keyboard.theirs, termios.TCOOFF)  # as by Ctrl-S
    for _ in range(100):
        keyboard.type("d\n")
        assert operator("d")[0] == 0
    termios.tcflow(keyboard.theirs, termios.TCOON)


def test_what_is_no_terminal_is_refused(served: Console) -> None:
    reader, writer = os.pipe()
    with pytest.raises(OSError, match="is no terminal"):
        served.open(Terminal(reader, writer))
    os.close(reader)
    os.close(writer)
