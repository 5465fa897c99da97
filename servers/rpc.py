"""Packets of medusa's RPC: eight hexadecimal digits of length, then one value as marshal has it.

`marshal.loads` is unsafe: what it is given can crash the interpreter.  So values are read here, of
plain types only, and to a bound of size and depth.  They are written in version 2 of the format,
which Python 2 understands as well; its `str` arrives as bytes.
"""

from __future__ import annotations

import marshal
import re
import struct
from collections.abc import Callable
from typing import Any

#: Bytes of a packet, its length not counted.
MAX_PACKET = 1 << 20

#: The length in front of a packet (bytes).
PREFIX = 8

#: How deep values may be nested.
MAX_DEPTH = 64

#: Digits of 15 bits that a number may have: to read more of them takes a square of the time.
MAX_DIGITS = 4096

#: Keys and members of sets that are neither text nor a small number: to find so many that collide
#: in a dictionary takes a square of the time, and whoever sends them can choose them so.
MAX_ODD_KEYS = 1000

LENGTH = re.compile(rb"[0-9a-fA-F]{8}")

SIMPLE = (type(None), bool, int, float, complex, str, bytes)
SEQUENCES = (tuple, list, set, frozenset)

CONSTANTS = {b"N": None, b"T": True, b"F": False, b".": ...}
SEQUENCE_CODES: dict[bytes, type] = {b"(": tuple, b"[": list, b"<": set, b">": frozenset}


class MalformedPacket(Exception):
    """The peer has sent no packet, or no value that may be in one."""


class NotPlain(Exception):
    """A value cannot travel: it is of a type of its own, too deep, or too large."""


def read_length(prefix: bytes) -> int:
    """The bytes of the packet behind its prefix.  Raises MalformedPacket."""
    if not LENGTH.fullmatch(prefix):
        raise MalformedPacket("a packet does not begin with eight hexadecimal digits")
    length = int(prefix, 16)
    if not 0 < length <= MAX_PACKET:
        raise MalformedPacket(f"a packet of {length} bytes; from 1 to {MAX_PACKET} are taken")
    return length


def write_packet(value: Any) -> bytes:
    """A value with its length in front.  Raises NotPlain."""
    if _odd_keys(value, MAX_DEPTH) > MAX_ODD_KEYS:
        raise NotPlain(f"more than {MAX_ODD_KEYS} keys are no text or small number")
    data = marshal.dumps(value, 2)
    if len(data) > MAX_PACKET:
        raise NotPlain(f"a value of {len(data)} bytes; a packet has at most {MAX_PACKET}")
    return b"%08x%b" % (len(data), data)


def _odd_keys(value: Any, depth: int) -> int:
    """How many keys of that kind are in it.  Raises NotPlain for what can never travel."""
    if depth == 0:
        raise NotPlain(f"a value is nested more than {MAX_DEPTH} deep")
    kind = type(value)
    if kind in SEQUENCES:
        odd = sum(_odd_keys(each, depth - 1) for each in value)
        return odd + sum(map(is_odd, value)) if kind in (set, frozenset) else odd
    if kind is dict:
        parts = (each for pair in value.items() for each in pair)
        return sum(map(is_odd, value)) + sum(_odd_keys(each, depth - 1) for each in parts)
    if kind not in SIMPLE and value is not ...:
        raise NotPlain(f"{kind.__name__} is no plain type, and stays where it is")
    return 0


def is_odd(key: Any) -> bool:
    """Whether a key of a dictionary, or a member of a set, is neither text nor a small number."""
    return not isinstance(key, str | bytes) and not (isinstance(key, int) and abs(key) < 1 << 60)


def read_value(data: bytes) -> Any:
    """The value that a packet holds.  Raises MalformedPacket, and nothing else."""
    reader = _Reader(data)
    value = reader.value(MAX_DEPTH)
    if reader.at != len(data):
        raise MalformedPacket("a packet goes on behind its value")
    return value


#: What ends a dictionary.
_END = object()


class _Reader:
    """Reads one value; versions 0 to 2 of the format."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.interned: list[bytes] = []
        self.odd_keys = 0

    def take(self, size: int) -> bytes:
        """The next bytes, exactly so many."""
        piece = self.data[self.at : self.at + size]
        if size < 0 or len(piece) < size:
            raise MalformedPacket("a value is cut off")
        self.at += size
        return piece

    def number(self, layout: str = "<i") -> Any:
        """The next number of this layout."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def value(self, depth: int) -> Any:
        """The next value."""
        value = self.item(depth)
        if value is _END:
            raise MalformedPacket("the end of a dictionary stands where a value belongs")
        return value

    def item(self, depth: int) -> Any:
        """The next value, or the end of a dictionary."""
        if depth == 0:
            raise MalformedPacket(f"a value is nested more than {MAX_DEPTH} deep")
        code = self.take(1)
        if code in CONSTANTS:
            return CONSTANTS[code]
        if code in SEQUENCE_CODES:
            return self.sequence(SEQUENCE_CODES[code], depth - 1)
        if code == b"{":
            return self.dictionary(depth - 1)
        read = SCALARS.get(code)
        if read is None:
            raise MalformedPacket(f"a value of type {code!r}, which is not taken")
        return read(self)

    def sequence(self, kind: type, depth: int) -> Any:
        """A number of values."""
        count = self.number()
        if not 0 <= count <= len(self.data) - self.at:  # each takes a byte at least
            raise MalformedPacket("a sequence is cut off")
        items = [self.value(depth) for _ in range(count)]
        if kind in (set, frozenset):
            for each in items:
                self.count_key(each)
        try:
            return kind(items)
        except TypeError as error:
            raise MalformedPacket("a set holds what no set can hold") from error

    def dictionary(self, depth: int) -> dict[Any, Any]:
        """Keys and values up to the end."""
        found: dict[Any, Any] = {}
        while (key := self.item(depth)) is not _END:
            self.count_key(key)
            try:
                found[key] = self.value(depth)
            except TypeError as error:
                raise MalformedPacket("a dictionary has a key that no dictionary has") from error
        return found

    def count_key(self, key: Any) -> None:
        """Keys whose hashes a client can choose all alike must be few."""
        self.odd_keys += is_odd(key)
        if self.odd_keys > MAX_ODD_KEYS:
            raise MalformedPacket(f"more than {MAX_ODD_KEYS} keys are no text or small number")

    def long(self) -> int:
        """A number of any size: its count of digits has its sign."""
        count: int = self.number()
        if abs(count) > MAX_DIGITS:
            raise MalformedPacket(f"a number of more than {MAX_DIGITS} digits")
        digits = struct.unpack(f"<{abs(count)}H", self.take(2 * abs(count)))
        if any(digit >> 15 for digit in digits):
            raise MalformedPacket("a digit of a number is too large")
        size: int = sum(digit << 15 * place for place, digit in enumerate(digits))
        return -size if count < 0 else size

    def old_float(self) -> float:
        """A number as text."""
        try:
            return float(self.take(self.take(1)[0]))
        except ValueError as error:
            raise MalformedPacket("a number that is none") from error

    def text(self) -> str:
        """Text."""
        try:
            return self.take(self.number()).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise MalformedPacket("text that is not UTF-8") from error

    def intern(self) -> bytes:
        """Bytes that may be referred to."""
        self.interned.append(self.take(self.number()))
        return self.interned[-1]

    def reference(self) -> bytes:
        """Bytes that have come before."""
        number: int = self.number()
        if not 0 <= number < len(self.interned):
            raise MalformedPacket("a reference to what has not come")
        return self.interned[number]


SCALARS: dict[bytes, Callable[[_Reader], Any]] = {
    b"0": lambda reader: _END,
    b"i": lambda reader: reader.number("<i"),
    b"I": lambda reader: reader.number("<q"),
    b"l": _Reader.long,
    b"f": _Reader.old_float,
    b"g": lambda reader: reader.number("<d"),
    b"x": lambda reader: complex(reader.old_float(), reader.old_float()),
    b"y": lambda reader: complex(reader.number("<d"), reader.number("<d")),
    b"s": lambda reader: reader.take(reader.number()),
    b"t": _Reader.intern,
    b"R": _Reader.reference,
    b"u": _Reader.text,
}
