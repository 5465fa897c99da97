"""Loggers: nothing raises, nothing blocks, and no line can be forged."""

import base64
import errno
import io
import os
import select
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.loggers import FIELD, PAUSE, CombinedFormat, FileLogger, escape, user

# -- files -------------------------------------------------------------------------------------


def test_a_message_is_a_line_in_the_file_at_once(tmp_path: Path) -> None:
    logger = FileLogger(tmp_path / "log")
    logger.log("one")
    logger.log("two\n")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    logger.close()


def test_an_existing_log_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    logger = FileLogger(str(tmp_path / "log"))
    logger.log("after")
    logger.close()
    assert (tmp_path / "log").read_text() == "before\nafter\n"


def test_a_path_that_cannot_be_opened_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLogger(tmp_path / "missing" / "log")


def test_a_dash_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    FileLogger("-").log("hello")
    assert capsys.readouterr().out == "hello\n"


def test_a_file_object_is_flushed_at_once_and_never_closed(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        logger = FileLogger(file)
        logger.log("hello")
        logger.close()
        assert (tmp_path / "log").read_text() == "hello\n"
        assert not file.closed


def test_a_file_in_memory_will_do() -> None:
    memory = io.StringIO()
    FileLogger(memory).log("hello")
    assert memory.getvalue() == "hello\n"


def test_after_reopening_lines_go_to_a_new_file(tmp_path: Path) -> None:
    logger = FileLogger(tmp_path / "log")
    logger.log("old")
    (tmp_path / "log").rename(tmp_path / "log.1")
    logger.log("still old")
    logger.reopen()
    logger.log("new")
    logger.close()
    assert (tmp_path / "log.1").read_text() == "old\nstill old\n"
    assert (tmp_path / "log").read_text() == "new\n"


def test_reopening_often_leaks_no_descriptor(tmp_path: Path) -> None:
    logger = FileLogger(tmp_path / "log")
    before = len(os.listdir("/dev/fd"))
    logger.reopen()
    logger.reopen()
    assert len(os.listdir("/dev/fd")) == before
    logger.close()


def test_if_reopening_fails_lines_go_to_the_old_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    logger = FileLogger(folder / "log")
    folder.rename(tmp_path / "moved")
    logger.reopen()
    logger.log("here")
    logger.close()
    assert (tmp_path / "moved" / "log").read_text() == "here\n"
    assert "still writing to the old log" in caplog.text


def test_text_that_cannot_be_encoded_does_not_raise(tmp_path: Path) -> None:
    logger = FileLogger(tmp_path / "log")
    logger.log("\udce9")
    logger.close()
    assert (tmp_path / "log").read_text() == "\\udce9\n"


# -- trouble -----------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_costs_the_line_and_nothing_else() -> None:
    logger = FileLogger("/dev/full")
    logger.log("one")
    logger.log("two")
    assert logger.lost == 2
    logger.close()


def test_a_line_that_was_cut_does_not_spoil_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = FileLogger(tmp_path / "log")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
        logger.log("a line that is cut")
    logger.log("a whole line")
    logger.close()
    assert (tmp_path / "log").read_text() == "a l\na whole line\n"
    assert logger.lost == 1


def test_a_line_that_was_cut_does_not_spoil_the_file_after_reopening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = FileLogger(tmp_path / "log")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
        logger.log("a line that is cut")
    (tmp_path / "log").unlink()
    logger.reopen()
    logger.log("a whole line")
    logger.close()
    assert (tmp_path / "log").read_text() == "a whole line\n"


def test_a_closed_logger_loses_its_lines_quietly(tmp_path: Path) -> None:
    logger = FileLogger(tmp_path / "log")
    logger.close()
    logger.close()
    logger.log("too late")
    assert logger.lost == 1


def test_a_file_object_that_was_closed_loses_its_lines_quietly() -> None:
    memory = io.StringIO()
    logger = FileLogger(memory)
    memory.close()
    logger.log("too late")
    assert logger.lost == 1


@pytest.fixture
def pipe() -> Iterator[tuple[io.FileIO, io.TextIOWrapper]]:
    """A reader and a writer; what the writer cannot get rid of goes with it."""
    numbers = os.pipe()
    with (
        open(numbers[0], "rb", buffering=0) as reader,
        suppress(BrokenPipeError),
        open(numbers[1], "w") as writer,
    ):
        yield reader, writer


def test_a_pipe_that_nobody_reads_does_not_block(
    pipe: tuple[io.FileIO, io.TextIOWrapper],
) -> None:
    logger = FileLogger(pipe[1])
    for _ in range(2000):
        logger.log("x" * 1000)
    assert logger.lost > 0


def test_a_pipe_is_written_to_again_once_it_is_read(
    pipe: tuple[io.FileIO, io.TextIOWrapper],
) -> None:
    reader, writer = pipe
    logger = FileLogger(writer)
    while not logger.lost:
        logger.log("x" * 1000)
    reader.read(1_000_000)
    logger.log("hello again")
    assert reader.read(100) == b"hello again\n"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_loss_is_told_of_and_so_is_its_end(
    pipe: tuple[io.FileIO, io.TextIOWrapper], caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = pipe
    clock = Clock()
    logger = FileLogger(writer, clock)
    while logger.lost < 5:
        logger.log("x" * 1000)
    reader.read(1_000_000)
    clock.now = PAUSE
    logger.log("hello again")
    assert [record.getMessage().partition(" takes ")[2] for record in caplog.records] == [
        "no lines, so they are lost: nobody reads the log",
        "lines again; lost: 5",
    ]


def test_a_slow_reader_does_not_fill_the_error_log(
    pipe: tuple[io.FileIO, io.TextIOWrapper], caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = pipe
    logger = FileLogger(writer, Clock())
    for losses in range(1, 20):
        while logger.lost < losses:
            logger.log("x" * 1000)
        reader.read(1_000_000)
        logger.log("hello again")
    assert len(caplog.records) == 1


def test_a_closed_standard_output_is_an_error_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(OSError, match="standard output is closed"):
        FileLogger("-")


def test_a_line_is_cut_to_what_a_pipe_takes_at_once(
    pipe: tuple[io.FileIO, io.TextIOWrapper],
) -> None:
    reader, writer = pipe
    FileLogger(writer).log("x" * 10_000)
    assert reader.read(20_000) == b"x" * (select.PIPE_BUF - 1) + b"\n"


def test_a_reader_that_is_gone_costs_the_line_and_nothing_else(
    pipe: tuple[io.FileIO, io.TextIOWrapper],
) -> None:
    pipe[0].close()
    logger = FileLogger(pipe[1])
    logger.log("anybody there?")
    assert logger.lost == 1


def test_a_fifo_without_a_reader_is_an_error_at_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError) as caught:
        FileLogger(tmp_path / "fifo")
    assert caught.value.errno == errno.ENXIO


# -- access lines ------------------------------------------------------------------------------


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def basic(credentials: bytes) -> str:
    return "Basic " + base64.b64encode(credentials).decode()


@pytest.mark.usefixtures("new_york")
def test_a_line_in_the_combined_format() -> None:
    line = CombinedFormat().line(
        1_000_000_000.9,
        "192.0.2.7",
        "GET /a?b HTTP/1.1",
        200,
        1234,
        basic(b"ann:secret"),
        "http://example.org/",
        "curl/8",
    )
    assert line == (
        "192.0.2.7 - ann [08/Sep/2001:21:46:40 -0400]"
        ' "GET /a?b HTTP/1.1" 200 1234 "http://example.org/" "curl/8"'
    )


def test_what_is_not_known_is_a_dash() -> None:
    line = CombinedFormat().line(0, "", "GET / HTTP/1.1", 304, 0)
    assert line.startswith("- - - [")
    assert line.endswith('] "GET / HTTP/1.1" 304 0 "-" "-"')


@pytest.mark.usefixtures("new_york")
def test_the_date_follows_the_clock() -> None:
    combined = CombinedFormat()
    dates = [combined.date(second) for second in (0, 0.5, 1, 0)]
    assert [date[-14:-6] for date in dates] == ["19:00:00", "19:00:00", "19:00:01", "19:00:00"]


def test_an_offset_may_have_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "NST+3:30")
        time.tzset()
        date = CombinedFormat().date(0)
    time.tzset()
    assert date == "31/Dec/1969:20:30:00 -0330"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain ~ text", "plain ~ text"),
        ("\r\n", r"\x0d\x0a"),
        ("\x1b[2J\x7f", r"\x1b[2J\x7f"),
        ('"', r"\x22"),
        ("\\x22", r"\x5cx22"),
        ("\xe9\x85", r"\xe9\x85"),
        ("€", r"\xe2\x82\xac"),
        ("\udce9", r"\xed\xb3\xa9"),
    ],
)
def test_what_is_not_printable_ascii_is_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@given(st.text(st.characters(exclude_categories=[])))
def test_an_escaped_field_cannot_end_its_quotes_or_its_line(text: str) -> None:
    escaped = escape(text)
    assert escaped.isascii()
    assert not escaped or escaped.isprintable()
    assert '"' not in escaped


def test_a_field_is_cut_but_never_in_the_middle_of_an_escape() -> None:
    assert escape("a" * 5000) == "a" * FIELD
    for lead in range(4):
        cut = escape("a" * lead + "\n" * 5000)
        assert cut == "a" * lead + r"\x0a" * ((FIELD - lead) // 4)


def test_no_field_can_forge_a_line() -> None:
    evil = 'x"\r\n\t127.0.0.1 - - "'
    line = CombinedFormat().line(0, evil, evil, 200, 0, basic(evil.encode()), evil, evil)
    assert "\n" not in line
    assert line.count('"') == 6


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        (None, "-"),
        ("", "-"),
        (basic(b"ann:secret"), "ann"),
        (basic(b"ann:se:cret"), "ann"),
        ("bASIC YW5uOng=", "ann"),
        (basic(b":secret"), "-"),
        (basic(b"no colon"), "-"),
        (basic(b"two words:x"), r"two\x20words"),
        (basic(b"caf\xc3\xa9:x"), r"caf\xc3\xa9"),
        ("Basic", "-"),
        ("Basic !", "-"),
        ("Basic YW5uOng", "-"),
        ("Basic \xe9", "-"),
        ("Bearer YW5uOng=", "-"),
    ],
)
def test_the_user_is_the_name_in_basic_credentials(authorization: str | None, name: str) -> None:
    assert user(authorization) == name


def test_a_password_is_never_logged() -> None:
    line = CombinedFormat().line(0, "::1", "GET / HTTP/1.1", 200, 0, basic(b"ann:secret"))
    assert "secret" not in line
    assert basic(b"ann:secret")[6:] not in line
