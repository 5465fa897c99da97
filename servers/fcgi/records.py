"""Records of FastCGI, and the name-value pairs in some of them: bytes in, bytes out.

Whatever comes, the result is a record, "not here yet", or a RecordError.  Pure.
Source: FastCGI Specification 1.0 (1996), sections 3.3, 3.4, 4, 5 and 8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from servers.http.errors import ProtocolError

VERSION = 1

#: version, type, request id, content length, padding length, reserved
HEADER = struct.Struct(">BBHHBx")

#: role, flags, reserved
BEGIN = struct.Struct(">HB5x")

#: application status, protocol status, reserved
END = struct.Struct(">IB3x")

LONG = struct.Struct(">I")

#: A record of our streams holds at most so many bytes: the largest multiple of eight that fits, so
#: that the next record is aligned without padding.
MAX_PIECE = 65528

MAX_CONTENT = 65535

#: In the flags of BEGIN_REQUEST: the web server closes the connection, not we.
KEEP_CONN = 1


class RecordError(ProtocolError):
    """The peer does not speak FastCGI; nothing behind this can be understood."""


class Type(IntEnum):
    """What a record is."""

    BEGIN_REQUEST = 1
    ABORT_REQUEST = 2
    END_REQUEST = 3
    PARAMS = 4
    STDIN = 5
    STDOUT = 6
    STDERR = 7
    DATA = 8
    GET_VALUES = 9
    GET_VALUES_RESULT = 10
    UNKNOWN_TYPE = 11


class Role(IntEnum):
    """What an application does for a request."""

    RESPONDER = 1
    AUTHORIZER = 2
    FILTER = 3


class Status(IntEnum):
    """What the end of a request says of the protocol."""

    REQUEST_COMPLETE = 0
    CANT_MPX_CONN = 1
    OVERLOADED = 2
    UNKNOWN_ROLE = 3


class Record(NamedTuple):
    """One record without its padding.

    type: a `Type`, or a number that is none; request_id: 0 for the connection itself.
    """

    type: int
    request_id: int
    content: bytes


def take_record(data: bytes, start: int) -> tuple[Record, int] | None:
    """The record that begins at `start`, and where the next one does; None: not all of it is here.

    Raises RecordError if no record can begin so.
    """
    if start < len(data) and data[start] != VERSION:
        raise RecordError("this is not FastCGI 1: a record begins with a version of its own")
    content = start + HEADER.size
    if len(data) < content:
        return None
    _, kind, request_id, length, padding = HEADER.unpack_from(data, start)
    end = content + length
    if len(data) < end + padding:
        return None
    return Record(kind, request_id, data[content:end]), end + padding


def encode_record(kind: int, request_id: int, content: bytes = b"", padding: int = 0) -> bytes:
    """One record.  Raises ValueError if the content is too long for it."""
    if len(content) > MAX_CONTENT:
        raise ValueError(f"{len(content)} bytes do not fit into a record; use encode_stream()")
    head = HEADER.pack(VERSION, kind, request_id, len(content), padding)
    return b"%b%b%b" % (head, content, bytes(padding))


def encode_stream(kind: int, request_id: int, data: bytes) -> bytes:
    """As many records as the data needs; none for no data, since that would end the stream."""
    return b"".join(
        encode_record(kind, request_id, data[start : start + MAX_PIECE])
        for start in range(0, len(data), MAX_PIECE)
    )


def encode_end(
    request_id: int, status: int = Status.REQUEST_COMPLETE, application_status: int = 0
) -> bytes:
    """The record that ends a request."""
    return encode_record(Type.END_REQUEST, request_id, END.pack(application_status, status))


def encode_pairs(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Names and values, each behind both lengths."""
    return b"".join(
        b"%b%b%b%b" % (_encode_length(name), _encode_length(value), name, value)
        for name, value in pairs
    )


def _encode_length(data: bytes) -> bytes:
    # "Lengths of 127 bytes and less can be encoded in one byte, while longer lengths are always
    # encoded in four bytes" (section 3.4), of which the first has its high bit set.
    return bytes((len(data),)) if len(data) < 0x80 else LONG.pack(len(data) | 0x80000000)


def decode_pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values in their order.  Raises RecordError if the last pair is not complete."""
    pairs = []
    position = 0
    while position < len(data):
        name_length, position = _decode_length(data, position)
        value_length, position = _decode_length(data, position)
        value = position + name_length
        end = value + value_length
        if end > len(data):
            raise RecordError("a name-value pair is longer than its record")
        pairs.append((data[position:value], data[value:end]))
        position = end
    return pairs


def _decode_length(data: bytes, position: int) -> tuple[int, int]:
    if position < len(data) and data[position] < 0x80:
        return data[position], position + 1
    if position + LONG.size > len(data):
        raise RecordError("the length of a name-value pair is cut off")
    return LONG.unpack_from(data, position)[0] & 0x7FFFFFFF, position + LONG.size
