"""What may be in a packet of medusa's RPC: plain values, and nothing that harms the reader."""

from __future__ import annotations

import marshal
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from servers.rpc import (
    MAX_PACKET,
    MalformedPacket,
    NotPlain,
    read_length,
    read_value,
    write_packet,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
)
KEYS = SCALARS | st.tuples(SCALARS, SCALARS)
VALUES = st.recursive(
    SCALARS | st.frozensets(KEYS, max_size=4) | st.sets(KEYS, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
@example(...)
@example(2**31 - 1)
@example(-(2**31))
@example("\ud800")
def test_a_plain_value_travels(value: Any):
    packet = write_packet(value)
    assert read_length(packet[:8]) == len(packet) - 8
    travelled = read_value(packet[8:])
    assert travelled == value and type(travelled) is type(value)


@given(VALUES)
def test_what_is_written_the_standard_library_reads(value: Any):
    assert marshal.loads(write_packet(value)[8:]) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(data: bytes):
    with suppress(MalformedPacket):
        read_value(data)


@given(VALUES, st.data())
def test_so_are_changed_ones(value: Any, data: st.DataObject):
    changed = bytearray(write_packet(value)[8:])
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(MalformedPacket):
        read_value(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"s\3\0\0\0abc", b"abc"),  # a str of Python 2
        (b"u\3\0\0\0abc", "abc"),
        (b"(\2\0\0\0t\1\0\0\0aR\0\0\0\0", (b"a", b"a")),
        (b"I\0\0\0\0\1\0\0\0", 2**32),
        (b"l\2\0\0\0\0\0\1\0", 2**15),
        (b"f\x031.5", 1.5),
        (b"x\x011\x012", 1 + 2j),
    ],
)
def test_what_python_2_writes_is_read(data: bytes, value: Any):
    assert read_value(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"N" * 2,
        b"0",
        b"[\1\0\0\x000",
        b"c" + bytes(100),  # a code object
        b"\xe3" + bytes(100),
        b"i\0\0\0",
        b"s\xff\xff\xff\xff",
        b"s\4\0\0\0abc",
        b"u\1\0\0\0\xff",
        b"[\xff\xff\xff\x7f",
        b"[\xff\xff\xff\xff",
        b"R\0\0\0\0",
        b"f\1x",
        b"{NN",
        b"{[\0\0\0\0N0",
        b"<\1\0\0\0[\0\0\0\0",
        b"l\1\0\0\0\xff\xff",
        b"l\0\0\0\x80",
        b"l\xff\xff\xff\x7f",
        b"[\1\0\0\0" * 65 + b"N",
        b"{N" * 100_000,
    ],
)
def test_what_is_no_plain_value_is_malformed(data: bytes):
    with pytest.raises(MalformedPacket):
        read_value(data)


#: All of them have the same hash: a dictionary compares each with each.
COLLIDING = [(number + 1) * sys.hash_info.modulus for number in range(1001)]


@pytest.mark.parametrize("value", [dict.fromkeys(COLLIDING), set(COLLIDING), [{1.5}] * 1001])
def test_keys_that_may_be_chosen_to_collide_are_few(value: Any):
    with pytest.raises(NotPlain, match="more than 1000 keys"):
        write_packet(value)
    with pytest.raises(MalformedPacket, match="more than 1000 keys"):
        read_value(marshal.dumps(value, 2))


def test_keys_that_are_text_or_small_numbers_may_be_many():
    value = {**dict.fromkeys(range(-3000, 3000)), **dict.fromkeys(map(str, range(3000)))}
    assert read_value(write_packet(value)[8:]) == value


@pytest.mark.parametrize(
    "prefix",
    [
        *(b"00000000", b"-0000001", b"+0000001", b"0x000001", b" 1      ", b"1_000000"),
        *(b"%08x" % (MAX_PACKET + 1), b"ffffffff", b"GET / HT", b"", b"1"),
    ],
)
def test_a_length_is_eight_digits_and_within_bounds(prefix: bytes):
    with pytest.raises(MalformedPacket):
        read_length(prefix)


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


class Text(str):
    """Plain, but for its class."""


@pytest.mark.parametrize(
    "value",
    [
        *(object(), print, [{1: (object,)}], {print: 1}, endless(), Text("a")),
        *(compile("1", "", "eval"), b"x" * MAX_PACKET),
    ],
)
def test_what_is_not_plain_stays_where_it_is(value: Any):
    with pytest.raises(NotPlain):
        write_packet(value)
