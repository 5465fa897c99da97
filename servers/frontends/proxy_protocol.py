"""The header of the PROXY protocol, by which a front end says for whom it has connected.

Bytes in, a header or a reason out; who is believed and what becomes of the connection is decided
elsewhere (proxies.py).  Source: "The PROXY protocol, versions 1 & 2", HAProxy Technologies.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

#: A header of version 1 has so many bytes at most, with its line end.
MAX_V1 = 107

#: And one of version 2 by our choice: a client's certificate fits in.
MAX_V2 = 4096

SIGNATURE_1 = b"PROXY "
SIGNATURE_2 = b"\r\n\r\n\0\r\nQUIT\n"

#: Signature, version and command, family and transport, length of what follows.
PREFIX = struct.Struct("!12sBBH")

LOCAL, PROXY = 0, 1
UNSPEC, INET, INET6, UNIX = range(4)
STREAM = 1

#: Bytes of both addresses, with ports.
ADDRESSES = {UNSPEC: 0, INET: 12, INET6: 36, UNIX: 216}

MAX_UNIQUE_ID = 128

PORT = re.compile(r"0|[1-9][0-9]{0,4}")

Address = tuple[Any, ...] | str


class Tlv(IntEnum):
    """What a header of version 2 may hold besides addresses: what we know of it."""

    ALPN = 0x01  # the protocol above TLS, such as b"h2"
    AUTHORITY = 0x02  # the host that the client asked for in TLS
    CRC32C = 0x03
    UNIQUE_ID = 0x05
    SSL = 0x20  # what follows stands in it
    SSL_VERSION = 0x21
    SSL_CN = 0x22  # of the client's certificate
    SSL_CIPHER = 0x23


#: What is kept, and what of it stands within SSL.
KEPT = frozenset({Tlv.ALPN, Tlv.AUTHORITY, Tlv.UNIQUE_ID, Tlv.SSL})
KEPT_OF_SSL = frozenset({Tlv.SSL_VERSION, Tlv.SSL_CN, Tlv.SSL_CIPHER})


class MalformedHeader(ValueError):
    """This is no header of the PROXY protocol; the text says why, in a few words."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a front end has said.

    source, destination: the client's address and where it has connected, as a socket would give
        them; both None if the connection's own are to be used.
    local: the front end has connected for itself, mostly to look whether we are there.
    tlvs: what else it has said, of `KEPT` and `KEPT_OF_SSL`; the first of each kind.
    """

    version: int
    source: Address | None = None
    destination: Address | None = None
    local: bool = False
    tlvs: Mapping[Tlv, bytes] = field(default_factory=dict)


def read_header(data: bytes) -> tuple[ProxyHeader, int] | None:
    """Read the header at the beginning of `data`, and say how many bytes it has.

    None: it is right so far, but more bytes are needed; never behind `MAX_V1` or `MAX_V2` of them.
    Raises MalformedHeader as soon as it cannot become right any more.
    """
    if data.startswith(SIGNATURE_2):
        return _read_v2(data)
    if data.startswith(SIGNATURE_1):
        return _read_v1(data)
    if not (SIGNATURE_2.startswith(data) or SIGNATURE_1.startswith(data)):
        raise MalformedHeader("it does not begin with a PROXY header")
    return None


# Version 1: a line


def _read_v1(data: bytes) -> tuple[ProxyHeader, int] | None:
    head = data[:MAX_V1]
    end = head.find(b"\r\n")
    line = head if end < 0 else head[:end]
    if b"\n" in line or b"\r" in line[:-1] or (end >= 0 and b"\r" in line):
        raise MalformedHeader("a CR or LF that is no line end")
    if end < 0:
        if len(data) >= MAX_V1:
            raise MalformedHeader(f"a line of more than {MAX_V1} bytes")
        return None
    return _parse_line(line), end + 2


def _parse_line(line: bytes) -> ProxyHeader:
    words = line.decode("latin-1").split(" ")
    if words[1] == "UNKNOWN":  # whatever stands behind it
        return ProxyHeader(1)
    if words[1] not in ("TCP4", "TCP6"):
        raise MalformedHeader("a protocol that is none of TCP4, TCP6 and UNKNOWN")
    if len(words) != 6:
        raise MalformedHeader(f"a line of {len(words)} words instead of 6")
    _, family, source, destination, source_port, destination_port = words
    return ProxyHeader(
        1,
        _text_address(family, source, source_port),
        _text_address(family, destination, destination_port),
    )


def _text_address(family: str, host: str, port: str) -> Address:
    if not PORT.fullmatch(port) or int(port) > 65535:
        raise MalformedHeader("a port that is no number from 0 to 65535")
    try:
        if family == "TCP4":
            return str(IPv4Address(host)), int(port)
        if "%" in host:
            raise ValueError(host)
        return str(IPv6Address(host)), int(port), 0, 0
    except ValueError:
        raise MalformedHeader(f"an address that is none of {family}") from None


# Version 2: binary


def _read_v2(data: bytes) -> tuple[ProxyHeader, int] | None:
    # What is wrong in the first bytes is said before all of them are here.
    if len(data) > 12 and data[12] >> 4 != 2:
        raise MalformedHeader(f"a version {data[12] >> 4} behind the signature of version 2")
    if len(data) > 12 and data[12] & 15 > PROXY:
        raise MalformedHeader(f"a command {data[12] & 15}, which is none")
    if len(data) < PREFIX.size:
        return None
    _, command, family, length = PREFIX.unpack_from(data)
    end = PREFIX.size + length
    if end > MAX_V2:
        raise MalformedHeader(f"a header of {end} bytes; {MAX_V2} at most")
    if command & 15 == PROXY:
        _check_family(family >> 4, family & 15, length)
    if len(data) < end:
        return None
    if command & 15 == LOCAL:  # what else it holds is of no interest
        return ProxyHeader(2, local=True), end
    return _parse_v2(data[:end], family >> 4, family & 15), end


def _check_family(family: int, transport: int, length: int) -> None:
    if family not in ADDRESSES or transport > 2:
        raise MalformedHeader(f"family {family} with transport {transport}, which is none")
    if length < ADDRESSES[family]:
        raise MalformedHeader(f"{length} bytes, too few for addresses of family {family}")


def _parse_v2(header: bytes, family: int, transport: int) -> ProxyHeader:
    body = header[PREFIX.size :]
    source: Address | None = None
    destination: Address | None = None
    if transport == STREAM and family != UNSPEC:  # else the connection's own addresses count
        source, destination = _binary_addresses(family, body)
    kept: dict[Tlv, bytes] = {}
    for kind, begin, end in _tlvs(header, PREFIX.size + ADDRESSES[family]):
        if kind == Tlv.CRC32C:
            _check_sum(header, begin, end)
        elif kind in KEPT:
            kept.setdefault(Tlv(kind), header[begin:end])
    if len(kept.get(Tlv.UNIQUE_ID, b"")) > MAX_UNIQUE_ID:
        raise MalformedHeader(f"a unique id of more than {MAX_UNIQUE_ID} bytes")
    if Tlv.SSL in kept:
        kept |= _read_ssl(kept[Tlv.SSL])
    return ProxyHeader(2, source, destination, tlvs=kept)


def _binary_addresses(family: int, body: bytes) -> tuple[Address, Address]:
    if family == INET:
        ours, theirs, our_port, their_port = struct.unpack_from("!4s4sHH", body)
        return (str(IPv4Address(ours)), our_port), (str(IPv4Address(theirs)), their_port)
    if family == INET6:
        ours, theirs, our_port, their_port = struct.unpack_from("!16s16sHH", body)
        return (
            (str(IPv6Address(ours)), our_port, 0, 0),
            (str(IPv6Address(theirs)), their_port, 0, 0),
        )
    return _path(body[:108]), _path(body[108:216])


def _path(field: bytes) -> str:
    """The path of a Unix socket; an abstract name begins with @, as tools write it."""
    name, _, rest = field.partition(b"\0")
    if not name and rest.strip(b"\0"):
        name = b"@" + rest.rstrip(b"\0")
    return os.fsdecode(name)


def _tlvs(data: bytes, place: int) -> Iterator[tuple[int, int, int]]:
    """Type, length, value, one behind the other from `place` on: the type, and where a value is."""
    while place < len(data):
        begin = place + 3
        if begin > len(data):
            raise MalformedHeader("a TLV that is cut off")
        kind, length = struct.unpack_from("!BH", data, place)
        place = begin + length
        if place > len(data):
            raise MalformedHeader("a TLV that is longer than what it stands in")
        yield kind, begin, place


def _read_ssl(value: bytes) -> dict[Tlv, bytes]:
    """Five bytes of flags and result, and then TLVs of their own."""
    if len(value) < 5:
        raise MalformedHeader("a TLV of SSL without its flags")
    found: dict[Tlv, bytes] = {}
    for kind, begin, end in _tlvs(value, 5):
        if kind in KEPT_OF_SSL:
            found.setdefault(Tlv(kind), value[begin:end])
    return found


# The checksum


def _check_sum(header: bytes, begin: int, end: int) -> None:
    """Verify the CRC32C of the whole header, taken with zeros in the place of its own four bytes.

    begin, end: where it stands.
    """
    if end - begin != 4:
        raise MalformedHeader("a checksum that has not four bytes")
    if crc32c(header[:begin] + bytes(4) + header[end:]) != int.from_bytes(header[begin:end], "big"):
        raise MalformedHeader("a checksum that is wrong")


def _table() -> list[int]:
    """What one byte does to the checksum; Castagnoli's polynomial, from its lowest bit."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum of RFC 9260, appendix A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
