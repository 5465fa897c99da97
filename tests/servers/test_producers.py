"""Producers: what more() gives, and what close() releases."""

import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.producers import (
    Composite,
    Compressed,
    Escaping,
    FileProducer,
    FileShrank,
    FileSlice,
    Globbing,
    Hooked,
    IteratorProducer,
    LinesProducer,
    ListProducer,
    Producer,
    SimpleProducer,
    close,
)


def pieces(producer: Producer) -> list[bytes]:
    return list(iter(producer.more, b""))


def everything(producer: Producer) -> bytes:
    return b"".join(pieces(producer))


class Closable(ListProducer):
    """Counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


# -- sources -----------------------------------------------------------------------------------


def test_bytes_come_in_pieces_of_the_given_size() -> None:
    assert pieces(SimpleProducer(b"abcde", size=2)) == [b"ab", b"cd", b"e"]


def test_a_short_answer_is_one_piece_and_is_not_copied() -> None:
    data = b"Hello, world\n"
    assert SimpleProducer(data).more() is data


def test_text_is_sent_as_utf_8_unless_told_otherwise() -> None:
    assert everything(SimpleProducer("é")) == b"\xc3\xa9"
    assert everything(SimpleProducer("é", charset="latin-1")) == b"\xe9"


def test_an_exhausted_producer_stays_exhausted() -> None:
    producer = SimpleProducer(b"once")
    assert [producer.more() for _ in range(3)] == [b"once", b"", b""]


def test_an_empty_piece_in_a_list_does_not_end_it() -> None:
    assert pieces(ListProducer([b"a", b"", b"b"])) == [b"a", b"b"]


def test_lines_end_with_crlf_and_come_several_at_a_time() -> None:
    assert pieces(LinesProducer(["a", "b", "c"], at_once=2)) == [b"a\r\nb\r\n", b"c\r\n"]


def test_empty_lines_are_lines() -> None:
    assert everything(LinesProducer(["", ""])) == b"\r\n\r\n"


def test_an_empty_piece_of_an_iterator_does_not_end_it() -> None:
    assert pieces(IteratorProducer(iter([b"", b"a", b"", b"b"]))) == [b"a", b"b"]


def test_closing_ends_a_generator_where_it_stands() -> None:
    steps = []

    def generate() -> Iterator[bytes]:
        try:
            yield b"first"
            yield b"second"
        finally:
            steps.append("cleaned up")

    producer = IteratorProducer(generate())
    producer.more()
    producer.close()
    assert steps == ["cleaned up"]


def test_a_file_is_sent_from_where_it_stands() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    assert pieces(FileProducer(file, size=4)) == [b"4567", b"89"]


def test_closing_a_file_producer_closes_its_file() -> None:
    file = io.BytesIO(b"x")
    close(FileProducer(file))
    assert file.closed


# -- slices of files ---------------------------------------------------------------------------


@pytest.fixture
def digits(tmp_path: Path) -> Iterator[io.FileIO]:
    path = tmp_path / "digits"
    path.write_bytes(b"0123456789")
    with path.open("r+b", buffering=0) as file:
        yield file


def test_a_slice_is_the_given_bytes_and_no_more(digits: io.FileIO) -> None:
    assert everything(FileSlice(digits, 2, 5)) == b"23456"


def test_a_slice_reads_no_more_than_a_piece_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(200_000))
    with path.open("rb", buffering=0) as file:
        assert max(map(len, pieces(FileSlice(file, 0, 200_000)))) == 65536


def test_two_slices_of_one_file_do_not_disturb_each_other(digits: io.FileIO) -> None:
    first, second = FileSlice(digits, 0, 2), FileSlice(digits, 8, 2)
    assert [second.more(), first.more()] == [b"89", b"01"]


def test_a_slice_knows_where_it_is(digits: io.FileIO) -> None:
    part = FileSlice(digits, 2, 5)
    part.more()
    assert (part.offset, part.remaining) == (7, 0)


def test_a_file_that_shrinks_ends_its_slice_with_an_error(digits: io.FileIO) -> None:
    part = FileSlice(digits, 2, 5)
    os.ftruncate(digits.fileno(), 4)
    assert part.more() == b"23"
    with pytest.raises(FileShrank, match="last 3 bytes"):
        part.more()


def test_a_file_that_shrinks_is_named(tmp_path: Path) -> None:
    (tmp_path / "shrunk").touch()
    with (tmp_path / "shrunk").open("rb", buffering=0) as file:
        assert "shrunk' lacks the last 5 bytes" in str(FileSlice(file, 0, 5).shrank())


def test_closing_a_slice_closes_the_file(digits: io.FileIO) -> None:
    FileSlice(digits, 0, 1).close()
    assert digits.closed


def test_a_slice_that_shares_its_file_leaves_it_open(digits: io.FileIO) -> None:
    FileSlice(digits, 0, 1, closes=False).close()
    assert not digits.closed


# -- wrappers ----------------------------------------------------------------------------------


def test_a_composite_is_one_producer_after_the_other() -> None:
    parts = [ListProducer([b"a", b"b"]), ListProducer([]), SimpleProducer(b"c")]
    assert pieces(Composite(parts)) == [b"a", b"b", b"c"]


def test_a_composite_closes_each_producer_as_soon_as_it_is_through() -> None:
    first, second = Closable([b"a"]), Closable([b"b"])
    composite = Composite([first, second])
    assert [composite.more(), composite.more()] == [b"a", b"b"]
    assert (first.closed, second.closed) == (1, 0)


def test_closing_a_composite_closes_those_not_yet_closed() -> None:
    first, second, third = Closable([b"a"]), Closable([b"b"]), Closable([b"c"])
    composite = Composite([first, second, third])
    composite.more()
    composite.more()
    composite.close()
    composite.close()
    assert (first.closed, second.closed, third.closed) == (1, 1, 1)


def test_globbing_gathers_small_pieces() -> None:
    small = ListProducer([b"ab"] * 5)
    assert pieces(Globbing(small, size=4)) == [b"abab", b"abab", b"ab"]


def test_a_hook_is_called_once_with_the_number_of_bytes() -> None:
    calls: list[int] = []
    hooked = Hooked(ListProducer([b"abc", b"de"]), calls.append)
    assert everything(hooked) == b"abcde"
    hooked.more()
    assert calls == [5]


def test_a_hook_is_not_called_before_the_end() -> None:
    calls: list[int] = []
    hooked = Hooked(ListProducer([b"abc", b"de"]), calls.append)
    hooked.more()
    hooked.close()
    assert calls == []


@pytest.mark.parametrize("wrapper", [Globbing, Compressed, Escaping])
def test_closing_a_wrapper_closes_what_it_wraps(
    wrapper: type[Globbing] | type[Compressed] | type[Escaping],
) -> None:
    inner = Closable([b"a"])
    wrapper(inner).close()
    assert inner.closed == 1


@pytest.mark.parametrize(("name", "window_bits"), [("deflate", 15), ("gzip", 31)])
def test_a_compressed_stream_can_be_unpacked(name: str, window_bits: int) -> None:
    data = [b"a line of text\n"] * 1000
    packed = everything(Compressed(ListProducer(data), format=name))
    assert zlib.decompress(packed, window_bits) == b"".join(data)


def test_compressing_nothing_gives_a_valid_stream() -> None:
    assert zlib.decompress(everything(Compressed(ListProducer([])))) == b""


def test_a_dot_at_the_beginning_of_a_line_is_doubled() -> None:
    assert everything(Escaping(SimpleProducer(b"a\r\n.\r\nb.c"))) == b"a\r\n..\r\nb.c"


def test_the_beginning_of_an_escaped_word_is_not_lost_at_the_end() -> None:
    assert everything(Escaping(SimpleProducer(b"text\r\n"))) == b"text\r\n"


def test_what_was_put_in_is_not_escaped_again() -> None:
    assert everything(Escaping(ListProducer([b"ab", b"b"]), old=b"ab", new=b"xa")) == b"xab"


@given(st.lists(st.text("ab.", max_size=5)), st.sampled_from([b"a", b"ab", b"aab", b"aba."]))
def test_escaping_does_not_depend_on_where_the_pieces_are_cut(texts: list[str], old: bytes) -> None:
    data = [text.encode() for text in texts]
    escaped = everything(Escaping(ListProducer(data), old=old, new=b"(ab)"))
    assert escaped == b"".join(data).replace(old, b"(ab)")
