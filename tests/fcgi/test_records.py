"""Records and name-value pairs: what goes in comes out, and whatever comes in has an outcome."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.fcgi.records import (
    HEADER,
    MAX_CONTENT,
    MAX_PIECE,
    Record,
    RecordError,
    Type,
    decode_pairs,
    encode_end,
    encode_pairs,
    encode_record,
    encode_stream,
    take_record,
)

a_pair = st.tuples(st.binary(max_size=300), st.binary(max_size=300))


@given(st.integers(0, 255), st.integers(0, 65535), st.binary(max_size=1000), st.integers(0, 255))
def test_a_record_is_read_as_it_was_written(kind, request_id, content, padding):
    data = encode_record(kind, request_id, content, padding)
    assert take_record(b"before" + data + b"behind", 6) == (
        Record(kind, request_id, content),
        6 + len(data),
    )


@given(st.binary(max_size=50), st.integers(0, 255), st.data())
def test_a_record_that_is_not_all_here_is_awaited(content, padding, data):
    record = encode_record(Type.STDIN, 1, content, padding)
    cut = data.draw(st.integers(0, len(record) - 1))
    assert take_record(record[:cut], 0) is None


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\x00", b"\x02" + bytes(7), b"\xff"])
def test_what_is_not_version_1_is_refused_at_its_first_byte(data):
    with pytest.raises(RecordError):
        take_record(data, 0)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_record_or_none_yet_or_an_error(data):
    try:
        taken = take_record(data, 0)
    except RecordError:
        assert data[0] != 1
    else:
        assert taken is None or HEADER.size <= taken[1] <= len(data)


@pytest.mark.parametrize("length", [0, 1, MAX_PIECE, MAX_PIECE + 1, 3 * MAX_PIECE])
def test_a_stream_is_cut_into_records_that_fit(length):
    data, position, content = encode_stream(Type.STDOUT, 7, b"x" * length), 0, b""
    while taken := take_record(data, position):
        record, position = taken
        assert record[:2] == (Type.STDOUT, 7) and record.content
        content += record.content
    assert (content, position) == (b"x" * length, len(data))


def test_too_much_for_one_record_is_our_own_mistake():
    assert encode_record(Type.STDOUT, 1, bytes(MAX_CONTENT))
    with pytest.raises(ValueError, match="65536 bytes do not fit"):
        encode_record(Type.STDOUT, 1, bytes(MAX_CONTENT + 1))


def test_the_end_of_a_request_is_as_the_specification_draws_it():
    assert encode_end(258, 3, 5) == bytes.fromhex("01030102 00080000 00000005 03000000")


@given(st.lists(a_pair, max_size=10))
def test_pairs_are_read_as_they_were_written(pairs):
    assert decode_pairs(encode_pairs(pairs)) == pairs


@pytest.mark.parametrize(
    ("length", "encoded"), [(127, b"\x7f"), (128, b"\x80\0\0\x80"), (70000, b"\x80\x01\x11\x70")]
)
def test_a_length_takes_one_byte_or_four(length, encoded):
    assert encode_pairs([(b"x" * length, b"")]) == encoded + b"\0" + b"x" * length


@given(st.binary(max_size=200))
def test_any_bytes_are_pairs_or_an_error(data):
    try:
        pairs = decode_pairs(data)
    except RecordError:
        return
    assert sum(len(name) + len(value) + 2 for name, value in pairs) <= len(data)


@pytest.mark.parametrize("data", [b"\x01", b"\x80\0\0", b"\x01\x01a", b"\xff\xff\xff\xff\x01a"])
def test_a_pair_that_is_cut_off_is_refused(data):
    with pytest.raises(RecordError):
        decode_pairs(data)
