"""DNS messages: what is written, what is read, and what only looks like an answer."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from servers.dns import (
    MAX_TTL,
    Kind,
    MalformedReply,
    find_answer,
    read_name,
    read_reply,
    reverse_name,
    write_name,
    write_question,
)
from tests.servers.name_server import address, authority, pointer, record, reply

QUESTION = write_question(7, "www.example", Kind.A)
HEADER = struct.pack(">6H", 7, 0x8180, 1, 1, 0, 0)

# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("www.example", b"\3www\7example\0"),
        ("www.example.", b"\3www\7example\0"),
        ("_tcp.a-b", b"\4_tcp\3a-b\0"),
        ("b\u00fccher.example", b"\x0dxn--bcher-kva\7example\0"),
    ],
)
def test_a_name_on_the_wire(name: str, wire: bytes):
    assert write_name(name) == wire


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", ".a", "a" * 64, "a." * 127 + "aa", "x" * 100_000, "\u00fc" * 64]
)
def test_what_is_no_name_is_said_in_a_sentence(name: str):
    with pytest.raises(ValueError, match="is no name of DNS"):
        write_name(name)


def test_the_longest_name_is_taken():
    name = ".".join(["a" * 63] * 3 + ["a" * 61])
    assert read_name(write_name(name), 0) == (name, 255)


@pytest.mark.parametrize(
    ("ip", "name"),
    [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
        ("2001:db8::1", "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"),
    ],
)
def test_the_name_of_an_address_is_asked_for_backwards(ip: str, name: str):
    assert reverse_name(ip) == name


def test_a_name_may_be_compressed():
    data = b"....\7example\0\3www\xc0\4!"
    assert read_name(data, 13) == ("www.example", 19)


@pytest.mark.parametrize(
    "data",
    [
        b"\xc0\x00",  # to itself
        b"\1a\xc0\x00",  # to its own beginning
        b"\xc0\x02\xc0\x00",  # forwards, and back
        b"\x80a",  # a kind of label that was never defined
        b"\x40a",
        b"\3ab",  # cut off
        b"\1a",
        b"\xc0",
        b"",
        b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0",  # 257 bytes
    ],
)
def test_a_name_that_leads_nowhere_is_malformed(data: bytes):
    with pytest.raises(MalformedReply):
        read_name(data, 0)


def test_what_a_terminal_must_not_get_is_escaped():
    assert read_name(b"\5a\x1b\r\n.\2\"\xe9\0", 0)[0] == "a\\027\\013\\010\\046.\\034\\233"


# -- messages ----------------------------------------------------------------------------------


def test_a_question():
    assert QUESTION == b"\0\7\1\0\0\1\0\0\0\0\0\0" + b"\3www\7example\0" + b"\0\1\0\1"


def test_an_answer_with_addresses():
    first = address("www.example", "192.0.2.1")
    data = reply(QUESTION, first, address("WWW.example", "192.0.2.2", 30))
    answer = find_answer(read_reply(data))
    assert (answer.name, answer.ttl) == ("www.example", 30)
    assert answer.values == ("192.0.2.1", "192.0.2.2")


def test_an_answer_with_addresses_of_version_6():
    question = write_question(7, "www.example", Kind.AAAA)
    data = reply(question, address("www.example", "2001:db8::1"))
    assert find_answer(read_reply(data)).values == ("2001:db8::1",)


def test_aliases_are_followed():
    data = reply(
        QUESTION,
        address("c.example", "192.0.2.3", 300),
        pointer("b.example", "C.example", 10, Kind.CNAME),
        pointer("www.example", "b.example", 200, Kind.CNAME),
    )
    assert find_answer(read_reply(data))[2:] == (10, ("192.0.2.3",))


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [address("other.example", "192.0.2.1")],
        [record("www.example", Kind.A, b"\1\2\3\4", of=3)],  # another class
        [record("www.example", Kind.A, b"\1\2\3")],
        [record("www.example", 99, b"whatever")],
        [pointer("www.example", "a", kind=Kind.CNAME)],
        [pointer("www.example", "a", kind=Kind.CNAME), pointer("a", "www.example", kind=5)],
    ],
)
def test_what_does_not_answer_the_question_is_no_answer(answers: list[bytes]):
    assert find_answer(read_reply(reply(QUESTION, *answers))).values == ()


@pytest.mark.parametrize(("ttl", "believed"), [(0, 0), (2**31, 0), (2**31 - 1, MAX_TTL)])
def test_a_ttl_is_believed_within_reason(ttl: int, believed: int):
    data = reply(QUESTION, address("www.example", "192.0.2.1", ttl))
    assert find_answer(read_reply(data)).ttl == believed


def test_a_no_says_how_long_it_is_to_be_believed():
    data = reply(QUESTION, code=3, authorities=(authority("example", 20, ttl=40),))
    assert read_reply(data).code == 3
    assert find_answer(read_reply(data))[2:] == (20, ())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        QUESTION[:11],
        QUESTION,  # a question, not a response
        HEADER,
        HEADER + QUESTION[12:-1],
        HEADER + QUESTION[12:-2] + b"\0\3",  # of another class
        reply(QUESTION, flags=0x8980),  # another opcode
        b"\0\7\x81\x80\0\2" + reply(QUESTION)[6:],  # two questions
        b"\0\7\x81\x80\0\1\xff\xff" + reply(QUESTION)[8:],  # answers that are not there
        reply(QUESTION, address("www.example", "192.0.2.1"))[:-1],
        reply(QUESTION, record("www.example", Kind.PTR, b"\1a\0more")),
        reply(QUESTION, authorities=(record("example", Kind.SOA, b"\0\0" + b"x" * 19),)),
    ],
)
def test_what_is_no_response_to_one_question_is_malformed(data: bytes):
    with pytest.raises(MalformedReply):
        read_reply(data)


# -- anything ----------------------------------------------------------------------------------

WHOLE = reply(
    QUESTION,
    pointer("www.example", "b.example", kind=Kind.CNAME),
    address("b.example", "192.0.2.1"),
    authorities=(authority("example", 5),),
)


@given(st.binary(max_size=600))
@example(WHOLE)
def test_any_datagram_is_read_or_malformed(data: bytes):
    with suppress(MalformedReply):
        find_answer(read_reply(data))


@given(st.data())
def test_so_is_any_answer_with_wrong_bytes(data: st.DataObject):
    changed = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(2, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(12, len(changed)))
    with suppress(MalformedReply):
        answer = find_answer(read_reply(bytes(changed[:cut])))
        assert all(each.isascii() and each.isprintable() for each in answer.values)


LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63)


@given(st.lists(LABEL, min_size=1, max_size=3).map(".".join), st.integers(0, 50))
def test_what_is_written_is_read(name: str, offset: int):
    wire = write_name(name)
    assert read_name(bytes(offset) + wire + b"behind", offset) == (name, offset + len(wire))
