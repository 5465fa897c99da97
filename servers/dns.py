"""DNS messages: questions are written, answers are read.  No socket and no clock.

Every byte of an answer may be an enemy's: names may be compressed into loops, lengths may lie, and
labels may hold what a log or a terminal must not get, so these are escaped.
Source: RFC 1035, section 4; RFC 3596 for AAAA; RFC 2308 for answers that say no.
"""

from __future__ import annotations

import ipaddress
import struct
from enum import IntEnum
from typing import NamedTuple

#: A name is at most so long on the wire, its last byte included (RFC 1035, section 3.1).
MAX_NAME = 255

#: Steps from one alias to the next; real chains have two or three.
MAX_ALIASES = 16

#: Seconds for which an answer is believed, whatever it says: one day.
MAX_TTL = 86400

HEADER = struct.Struct(">6H")  # id, flags, and four counts
FIELDS = struct.Struct(">HHIH")  # kind, class, TTL, length of the data

IS_RESPONSE = 0x8000
OPCODE = 0x7800
TRUNCATED = 0x0200
RECURSION_DESIRED = 0x0100
CODE = 0x000F

INTERNET = 1  # the class

#: Response codes that are an answer: there it is, and there is no such name.
NO_ERROR, NO_SUCH_NAME = 0, 3


class MalformedReply(Exception):
    """A datagram is no response of DNS."""


class Kind(IntEnum):
    """What can be asked for, and what leads there."""

    A = 1
    CNAME = 5
    SOA = 6
    PTR = 12
    AAAA = 28


class Record(NamedTuple):
    """One resource record; ttl: seconds; value: an address, or a name."""

    name: str
    kind: int
    ttl: int
    value: str


class Reply(NamedTuple):
    """A response: to which question, and what it says.

    no_for: seconds for which a "no" is to be believed; 0 if the reply does not say.
    """

    id: int
    code: int
    truncated: bool
    name: str
    kind: int
    records: list[Record]
    no_for: int


class Answer(NamedTuple):
    """What was found for a name; no values: nothing.  ttl: seconds."""

    name: str
    kind: int
    ttl: int
    values: tuple[str, ...]


def write_question(id: int, name: str, kind: int) -> bytes:
    """A question for a server that asks others in turn.

    Raises ValueError if no name can look so.
    """
    header = HEADER.pack(id, RECURSION_DESIRED, 1, 0, 0, 0)
    return header + write_name(name) + struct.pack(">HH", kind, INTERNET)


def write_name(name: str) -> bytes:
    """A name on the wire; letters beyond ASCII are written as RFC 3490 wants.

    Raises ValueError for an empty or overlong label or name.
    """
    problem = f"{name[:MAX_NAME]!r} is no name of DNS: labels have 1 to 63 bytes, names 253"
    if len(name) > MAX_NAME:
        raise ValueError(problem)
    try:
        labels = name.removesuffix(".").encode("idna").split(b".")
    except UnicodeError as error:
        raise ValueError(problem) from error
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(problem)
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(wire) > MAX_NAME:
        raise ValueError(problem)
    return wire


def reverse_name(ip: str) -> str:
    """The name under which the name of an address is asked for.

    Raises ValueError if it is no address.
    """
    return ipaddress.ip_address(ip).reverse_pointer


def read_name(data: bytes, at: int) -> tuple[str, int]:
    """The name that begins at `at`, and where what follows it begins.

    What is neither letter, digit nor harmless sign becomes \\DDD, as in zone files.
    Raises MalformedReply.
    """
    labels: list[str] = []
    size = 1
    behind = 0
    limit = at
    while True:
        length = _byte(data, at)
        if length == 0:
            return ".".join(labels), behind or at + 1
        if length < 64:
            label = data[at + 1 : at + 1 + length]
            size += len(label) + 1
            if len(label) < length or size > MAX_NAME:
                raise MalformedReply("a name is cut off, or too long")
            labels.append("".join(map(_readable, label)))
            at += 1 + length
            continue
        target = (length & 0x3F) << 8 | _byte(data, at + 1)
        behind = behind or at + 2
        # "a pointer to a prior occurrence": always further back, so this comes to an end.
        if length < 0xC0 or target >= limit:
            raise MalformedReply("a name is compressed in a way that leads nowhere")
        at = limit = target


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise MalformedReply("the message ends in the middle of a name")
    return data[at]


def _readable(byte: int) -> str:
    character = chr(byte)
    harmless = character.isalnum() and byte < 128
    return character if harmless or character in "-_*/" else f"\\{byte:03d}"


def read_reply(data: bytes) -> Reply:
    """Read a response to one question.  Raises MalformedReply, and nothing else."""
    if len(data) < HEADER.size:
        raise MalformedReply("the message has no whole header")
    id, flags, questions, answers, authorities, _ = HEADER.unpack_from(data)
    if not flags & IS_RESPONSE or flags & OPCODE or questions != 1:
        raise MalformedReply("the message is no response to one question")
    name, at = read_name(data, HEADER.size)
    if len(data) < at + 4:
        raise MalformedReply("the question is cut off")
    kind, wanted = struct.unpack_from(">HH", data, at)
    if wanted != INTERNET:
        raise MalformedReply("the question is not of the Internet's class")
    at += 4
    records: list[Record] = []
    no_for = 0
    for _ in range(answers):
        record, at = _read_record(data, at)
        if record is not None:
            records.append(record)
    if not flags & TRUNCATED:
        for _ in range(authorities):
            record, at = _read_record(data, at)
            if record is not None and record.kind == Kind.SOA:
                no_for = min(record.ttl, int(record.value))
    truncated = bool(flags & TRUNCATED)
    return Reply(id, flags & CODE, truncated, name, kind, records, no_for)


def _read_record(data: bytes, at: int) -> tuple[Record | None, int]:
    """The record at `at`, None if it is of no interest, and where the next one begins."""
    name, at = read_name(data, at)
    if len(data) < at + FIELDS.size:
        raise MalformedReply("a record is cut off")
    kind, of, ttl, length = FIELDS.unpack_from(data, at)
    at += FIELDS.size
    end = at + length
    if len(data) < end:
        raise MalformedReply("the data of a record are cut off")
    if of != INTERNET:
        return None, end
    value = _read_value(data, kind, at, end)
    # A TTL "with the most significant bit set" is zero (RFC 2181, section 8).
    ttl = 0 if ttl & 0x80000000 else min(ttl, MAX_TTL)
    return (None if value is None else Record(name, kind, ttl, value)), end


def _read_value(data: bytes, kind: int, at: int, end: int) -> str | None:
    if kind == Kind.A and end - at == 4:
        return str(ipaddress.IPv4Address(data[at:end]))
    if kind == Kind.AAAA and end - at == 16:
        return str(ipaddress.IPv6Address(data[at:end]))
    if kind in (Kind.CNAME, Kind.PTR):
        name, behind = read_name(data, at)
        if behind != end:
            raise MalformedReply("a name is longer or shorter than its record")
        return name
    if kind == Kind.SOA:  # two names and five numbers, of which the last is for those who say no
        _, at = read_name(data, at)
        _, at = read_name(data, at)
        if end - at != 20:
            raise MalformedReply("the data of a SOA record are cut off")
        return str(struct.unpack_from(">I", data, at + 16)[0])
    return None


def find_answer(reply: Reply) -> Answer:
    """What a reply says to its question, aliases followed; no values if it says no."""
    name = reply.name.lower()
    ttl = MAX_TTL
    for _ in range(MAX_ALIASES):
        here = [each for each in reply.records if each.name.lower() == name]
        found = [each for each in here if each.kind == reply.kind]
        if found:
            ttl = min(ttl, *(each.ttl for each in found))
            return Answer(reply.name, reply.kind, ttl, tuple(each.value for each in found))
        alias = next((each for each in here if each.kind == Kind.CNAME), None)
        if alias is None:
            break
        ttl = min(ttl, alias.ttl)
        name = alias.value.lower()
    return Answer(reply.name, reply.kind, min(reply.no_for, MAX_TTL), ())
