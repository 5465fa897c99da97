"""The header of the PROXY protocol, byte by byte."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.frontends.proxy_protocol import (
    MAX_V1,
    MAX_V2,
    PREFIX,
    MalformedHeader,
    ProxyHeader,
    Tlv,
    crc32c,
    read_header,
)
from tests.proxy_protocol.headers import MALFORMED, tlv, v1, v2, v2_addresses, with_checksum

PORTS = st.integers(0, 65535)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str)

#: Right headers of every kind.
HEADERS = st.one_of(
    st.builds(v1, IPV4, IPV4, PORTS, PORTS),
    st.builds(v1, IPV6, IPV6, PORTS, PORTS),
    st.text("abc 123", max_size=90).map(lambda text: f"PROXY UNKNOWN {text}\r\n".encode()),
    st.binary(max_size=60).map(lambda body: v2(body, command=0, family=9, transport=9)),
    st.lists(st.tuples(st.sampled_from([4, 1, 2, 0xE0, 0xFF]), st.binary(max_size=20))).map(
        lambda tlvs: v2_addresses(tlvs=b"".join(tlv(*each) for each in tlvs))
    ),
    st.binary(max_size=60).map(lambda value: with_checksum(tlv(Tlv.ALPN, value))),
    st.binary(min_size=216, max_size=216).map(lambda body: v2(body, family=3)),
)


# -- laws --------------------------------------------------------------------------------------


@given(HEADERS, st.binary(max_size=30))
def test_a_header_ends_where_it_ends_whatever_stands_behind_it(header: bytes, more: bytes) -> None:
    found = read_header(header)
    assert found is not None and found[1] == len(header)
    assert read_header(header + more) == found


@given(HEADERS)
def test_every_beginning_of_a_header_waits_for_more(header: bytes) -> None:
    assert [read_header(header[:end]) for end in range(len(header))] == [None] * len(header)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_header_or_its_beginning_or_refused(data: bytes) -> None:
    try:
        found = read_header(data)
    except MalformedHeader as error:
        assert 0 < len(str(error)) < 80
    else:
        assert found is None or 0 < found[1] <= len(data)


@given(HEADERS, st.data())
def test_a_header_with_a_changed_byte_has_an_outcome(header: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(header) - 1))
    byte = data.draw(st.integers(0, 255))
    with suppress(MalformedHeader):
        read_header(header[:place] + bytes([byte]) + header[place + 1 :])


@given(st.binary(max_size=200), st.binary(max_size=MAX_V2))
def test_nobody_waits_behind_the_longest_header(begin: bytes, rest: bytes) -> None:
    for start in (b"PROXY ", v2(bytes(100))[:16]):
        with suppress(MalformedHeader):
            assert read_header((start + begin + rest).ljust(MAX_V2, b"x")) is not None


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_header_is_refused_with_the_reason(name: str) -> None:
    data, reason = MALFORMED[name]
    with pytest.raises(MalformedHeader, match=reason):
        read_header(data)


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_header_is_refused_in_whatever_pieces_it_comes(name: str) -> None:
    data, _ = MALFORMED[name]
    with pytest.raises(MalformedHeader):
        for end in range(len(data) + 1):
            read_header(data[:end])


# -- version 1 ---------------------------------------------------------------------------------


def test_a_line_for_ipv4() -> None:
    assert read_header(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\nGET") == (
        ProxyHeader(1, ("192.0.2.7", 4711), ("192.0.2.1", 80)),
        40,
    )


def test_a_line_for_ipv6() -> None:
    found = read_header(b"PROXY TCP6 2001:DB8::7 ::1 4711 80\r\n")
    assert found is not None
    assert found[0] == ProxyHeader(1, ("2001:db8::7", 4711, 0, 0), ("::1", 80, 0, 0))


@pytest.mark.parametrize("rest", [b"", b" ", b" ff:ff 1 2 3 whatever"])
def test_unknown_means_the_connection_s_own_addresses(rest: bytes) -> None:
    line = b"PROXY UNKNOWN" + rest + b"\r\n"
    assert read_header(line) == (ProxyHeader(1), len(line))


def test_the_longest_line_is_read() -> None:
    line = b"PROXY UNKNOWN ".ljust(MAX_V1 - 2, b"x") + b"\r\n"
    assert read_header(line) == (ProxyHeader(1), MAX_V1)


# -- version 2 ---------------------------------------------------------------------------------


def header_of(data: bytes) -> ProxyHeader:
    found = read_header(data)
    assert found is not None
    return found[0]


def test_the_bytes_are_those_of_the_specification() -> None:
    data = bytes.fromhex(
        "0d0a0d0a000d0a515549540a 21 11 000c c0000207 c0000201 1267 0050".replace(" ", "")
    )
    assert header_of(data) == ProxyHeader(2, ("192.0.2.7", 4711), ("192.0.2.1", 80))


def test_addresses_of_ipv6() -> None:
    header = header_of(v2_addresses("2001:db8::7", "::1"))
    assert (header.source, header.destination) == (
        ("2001:db8::7", 4711, 0, 0),
        ("::1", 80, 0, 0),
    )


def test_addresses_of_unix_sockets() -> None:
    body = b"/run/client".ljust(108, b"\0") + b"\0hidden".ljust(108, b"\0")
    header = header_of(v2(body, family=3))
    assert (header.source, header.destination) == ("/run/client", "@hidden")


def test_a_unix_socket_without_a_name_is_empty_text() -> None:
    assert header_of(v2(bytes(216), family=3)).source == ""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(v2(family=0, transport=0), id="no family"),
        pytest.param(v2(bytes(12), family=1, transport=2), id="datagrams"),
        pytest.param(v2(bytes(12), family=1, transport=0), id="no transport"),
    ],
)
def test_what_we_do_not_speak_means_the_connection_s_own_addresses(data: bytes) -> None:
    assert header_of(data) == ProxyHeader(2)


def test_local_is_for_the_front_end_itself_whatever_else_it_holds() -> None:
    assert header_of(v2(b"\xff" * 20, command=0, family=7)) == ProxyHeader(2, local=True)


def test_what_is_known_of_the_tlvs_is_kept() -> None:
    inner = tlv(Tlv.SSL_VERSION, b"TLSv1.3") + tlv(Tlv.SSL_CN, b"joe") + tlv(0x28, b"certificate")
    tlvs = {
        Tlv.ALPN: b"h2",
        Tlv.AUTHORITY: b"www.example.org",
        Tlv.UNIQUE_ID: b"x" * 128,
        Tlv.SSL: b"\1\0\0\0\0" + inner,
    }
    encoded = b"".join(tlv(kind, value) for kind, value in tlvs.items())
    header = header_of(v2_addresses(tlvs=encoded + tlv(0xE5, b"their own") + tlv(4, b"")))
    assert header.tlvs == {**tlvs, Tlv.SSL_VERSION: b"TLSv1.3", Tlv.SSL_CN: b"joe"}


def test_the_first_of_two_counts() -> None:
    encoded = tlv(Tlv.AUTHORITY, b"one") + tlv(Tlv.AUTHORITY, b"two")
    assert header_of(v2_addresses(tlvs=encoded)).tlvs == {Tlv.AUTHORITY: b"one"}


def test_a_header_of_our_longest_is_read() -> None:
    room = MAX_V2 - PREFIX.size - 12 - 3
    assert read_header(v2_addresses(tlvs=tlv(0xE0, bytes(room)))) is not None
    with pytest.raises(MalformedHeader, match="4096 at most"):
        read_header(v2_addresses(tlvs=tlv(0xE0, bytes(room + 1))))


def test_a_checksum_that_is_right_is_accepted() -> None:
    assert header_of(with_checksum(tlv(Tlv.ALPN, b"h2"))).tlvs == {Tlv.ALPN: b"h2"}


@given(st.integers(0, 15 + 12))
def test_with_a_checksum_no_byte_of_the_head_may_change(place: int) -> None:
    header = bytearray(with_checksum())
    header[place] ^= 1
    try:
        found = read_header(bytes(header))
    except MalformedHeader:
        return
    assert found is None or found[0].local


def test_the_checksum_is_castagnoli_s() -> None:
    assert crc32c(b"123456789") == 0xE3069283
