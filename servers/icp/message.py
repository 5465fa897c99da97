"""ICP messages as bytes, and back.

Source: RFC 2186, "Internet Cache Protocol (ICP), version 2".  Integers are big-endian; what an
answer should be is decided elsewhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

VERSION = 2

#: Opcode, version, length, request number, options, option data, sender's address.
HEADER = struct.Struct("!BBHIII4s")

#: Bytes of a datagram at most, with its header.
MAX_SIZE = 16384

NOBODY = b"\0\0\0\0"


class Opcode(IntEnum):
    """What a message says; the numbers are on the wire."""

    INVALID = 0  # never sent
    QUERY = 1  # have you got this?
    HIT = 2  # yes
    MISS = 3  # no, but you may fetch it through us
    ERR = 4  # we do not understand the query
    SECHO = 10  # as if the server of origin were asked, by its echo port
    DECHO = 11  # as if a cache without ICP were asked, by its echo port
    MISS_NOFETCH = 21  # no, and do not fetch it through us now
    DENIED = 22  # you may not ask
    HIT_OBJ = 23  # yes, and here it is


class MalformedDatagram(ValueError):
    """These bytes are no ICP message; the text says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `payload` is what stands behind the header.

    sender: an address that nobody relies on, four bytes.
    """

    opcode: int
    request_number: int = 0
    payload: bytes = b""
    options: int = 0
    option_data: int = 0
    sender: bytes = NOBODY
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and for whom.

    url: bytes above 127 as in Latin-1.
    requester: the address of the client behind the peer, as the peer says; mostly 0.0.0.0.
    """

    url: str
    requester: str = "0.0.0.0"


def parse(datagram: bytes) -> Message:
    """Read the header of a message, and check its length.

    Raises MalformedDatagram if it is too short or too long, or its length field disagrees.
    """
    if len(datagram) < HEADER.size:
        raise MalformedDatagram(f"{len(datagram)} bytes are less than a header")
    if len(datagram) > MAX_SIZE:
        raise MalformedDatagram(f"it is longer than {MAX_SIZE} bytes")
    opcode, version, length, number, options, data, sender = HEADER.unpack_from(datagram)
    if length != len(datagram):
        raise MalformedDatagram(f"its length field says {length}, but it has {len(datagram)} bytes")
    return Message(opcode, number, datagram[HEADER.size :], options, data, sender, version)


def compose(message: Message) -> bytes:
    """The bytes of a message.

    Raises ValueError if it would be longer than `MAX_SIZE`.
    """
    length = HEADER.size + len(message.payload)
    if length > MAX_SIZE:
        raise ValueError(f"an ICP message of {length} bytes; {MAX_SIZE} at most")
    return (
        HEADER.pack(
            message.opcode,
            message.version,
            length,
            message.request_number,
            message.options,
            message.option_data,
            message.sender,
        )
        + message.payload
    )


def parse_query(payload: bytes) -> Query:
    """Read the payload of a QUERY: the requester's address, four bytes; the URL; a zero byte.

    Raises MalformedDatagram if the zero byte is not at the end, and only there.
    """
    if len(payload) <= 4:
        raise MalformedDatagram("a query without a URL")
    if payload.find(b"\0", 4) != len(payload) - 1:
        raise MalformedDatagram("the URL does not end with the datagram, and with a zero byte")
    return Query(payload[4:-1].decode("latin-1"), str(IPv4Address(payload[:4])))


def compose_query(query: Query) -> bytes:
    """The payload of a QUERY."""
    return IPv4Address(query.requester).packed + query.url.encode("latin-1") + b"\0"
