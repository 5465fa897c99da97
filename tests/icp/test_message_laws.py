"""ICP messages as bytes: whatever is composed is read back, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.icp.message import (
    HEADER,
    MAX_SIZE,
    MalformedDatagram,
    Message,
    Query,
    compose,
    compose_query,
    parse,
    parse_query,
)

NUMBERS = st.integers(0, 2**32 - 1)
MESSAGES = st.builds(
    Message,
    opcode=st.integers(0, 255),
    request_number=NUMBERS,
    payload=st.binary(max_size=100),
    options=NUMBERS,
    option_data=NUMBERS,
    sender=st.binary(min_size=4, max_size=4),
    version=st.integers(0, 255),
)
LATIN_1 = st.text(st.characters(min_codepoint=1, max_codepoint=255))
QUERIES = st.builds(Query, LATIN_1, st.ip_addresses(v=4).map(str))


@given(MESSAGES)
def test_a_message_is_read_as_it_was_composed(message: Message) -> None:
    assert parse(compose(message)) == message


@given(QUERIES)
def test_a_query_is_read_as_it_was_composed(query: Query) -> None:
    assert parse_query(compose_query(query)) == query


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_that_composes_to_them_or_are_refused(datagram: bytes) -> None:
    try:
        message = parse(datagram)
    except MalformedDatagram:
        assert len(datagram) < HEADER.size or int.from_bytes(datagram[2:4], "big") != len(datagram)
    else:
        assert compose(message) == datagram


@given(st.binary(max_size=40))
def test_any_payload_is_a_query_that_composes_to_it_or_is_refused(payload: bytes) -> None:
    try:
        query = parse_query(payload)
    except MalformedDatagram:
        assert len(payload) < 5 or payload.find(b"\0", 4) != len(payload) - 1
    else:
        assert compose_query(query) == payload


def test_the_bytes_are_those_of_the_rfc() -> None:
    query = compose_query(Query("http://a/", "192.0.2.1"))
    assert compose(Message(1, 0x01020304, query)) == bytes.fromhex(
        "01 02 0022 01020304 00000000 00000000 00000000 c0000201 687474703a2f2f612f 00"
    )


def test_a_message_of_the_largest_size_is_read() -> None:
    message = Message(1, payload=bytes(MAX_SIZE - HEADER.size))
    assert parse(compose(message)) == message


def test_a_larger_message_is_not_read() -> None:
    datagram = HEADER.pack(1, 2, MAX_SIZE + 1, 0, 0, 0, bytes(4)).ljust(MAX_SIZE + 1, b"a")
    with pytest.raises(MalformedDatagram, match="longer than 16384 bytes"):
        parse(datagram)


def test_a_larger_message_is_not_composed() -> None:
    with pytest.raises(ValueError, match="16384 at most"):
        compose(Message(1, payload=bytes(MAX_SIZE)))
