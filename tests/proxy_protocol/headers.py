"""PROXY headers as bytes, right ones and others."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from servers.frontends.proxy_protocol import PREFIX, SIGNATURE_2, Tlv, crc32c


def v1(
    source: str = "192.0.2.7",
    destination: str = "192.0.2.1",
    source_port: object = 4711,
    destination_port: object = 80,
) -> bytes:
    """A line of version 1."""
    family = "TCP6" if ":" in source else "TCP4"
    line = f"PROXY {family} {source} {destination} {source_port} {destination_port}\r\n"
    return line.encode("latin-1")


def v2(body: bytes = b"", family: int = 0, transport: int = 1, command: int = 1) -> bytes:
    """A header of version 2 around what follows its first 16 bytes."""
    return PREFIX.pack(SIGNATURE_2, 0x20 | command, family << 4 | transport, len(body)) + body


def v2_addresses(
    source: str = "192.0.2.7",
    destination: str = "192.0.2.1",
    ports: tuple[int, int] = (4711, 80),
    tlvs: bytes = b"",
) -> bytes:
    """A header of version 2 for a TCP connection."""
    packed = ip_address(source).packed + ip_address(destination).packed + struct.pack("!HH", *ports)
    return v2(packed + tlvs, family=2 if ":" in source else 1)


def tlv(kind: int, value: bytes) -> bytes:
    """One TLV."""
    return struct.pack("!BH", kind, len(value)) + value


def with_checksum(tlvs: bytes = b"") -> bytes:
    """A header of version 2 with a CRC32C in front of these TLVs, which is right."""
    header = v2_addresses(tlvs=tlv(Tlv.CRC32C, bytes(4)) + tlvs)
    place = PREFIX.size + 12 + 3
    return header[:place] + crc32c(header).to_bytes(4, "big") + header[place + 4 :]


#: What is no header, and a few words of the reason.
MALFORMED = {
    "HTTP": (b"GET / HTTP/1.1\r\n", "does not begin"),
    "lower case": (b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "does not begin"),
    "TLS": (b"\x16\x03\x01", "does not begin"),
    "no word behind PROXY": (b"PROXY\r\n", "does not begin"),
    "an empty protocol": (b"PROXY \r\n", "none of TCP4"),
    "another protocol": (b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "none of TCP4"),
    "UNKNOWN and more": (b"PROXY UNKNOWNS\r\n", "none of TCP4"),
    "four words": (b"PROXY TCP4 1.2.3.4 1.2.3.4\r\n", "4 words"),
    "seven words": (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "7 words"),
    "two spaces": (b"PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", "7 words"),
    "a tab": (b"PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n", "none of TCP4"),
    "a space at the end": (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "7 words"),
    "a leading zero in a port": (v1(source_port="080"), "a port"),
    "a port of 65536": (v1(destination_port=65536), "a port"),
    "a port of many digits": (v1(destination_port="9" * 30), "a port"),
    "a negative port": (v1(source_port=-1), "a port"),
    "no port": (v1(source_port=""), "a port"),
    "a port with a plus": (v1(source_port="+8"), "a port"),
    "a superscript": (v1(source_port="\u00b2"), "a port"),
    "a name": (b"PROXY TCP4 example.org 1.2.3.4 1 2\r\n", "an address"),
    "a number": (b"PROXY TCP4 16909060 1.2.3.4 1 2\r\n", "an address"),
    "three parts": (b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "an address"),
    "a leading zero": (b"PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", "an address"),
    "IPv6 in TCP4": (b"PROXY TCP4 ::1 ::1 1 2\r\n", "an address"),
    "IPv4 in TCP6": (b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", "an address"),
    "a zone": (b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "an address"),
    "LF alone": (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "CR or LF"),
    "CR alone": (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rG", "CR or LF"),
    "CR within": (b"PROXY UNKNOWN\rx\r\n", "CR or LF"),
    "two CR": (b"PROXY UNKNOWN\r\r\n", "CR or LF"),
    "107 bytes without an end": (b"PROXY UNKNOWN ".ljust(107, b"x"), "more than 107"),
    "an end behind 107 bytes": (b"PROXY UNKNOWN ".ljust(106, b"x") + b"\r\n", "more than 107"),
    "a signature that breaks off": (SIGNATURE_2[:-1] + b"x", "does not begin"),
    "version 1 in the signature of 2": (SIGNATURE_2 + b"\x11", "version 1"),
    "version 3": (SIGNATURE_2 + b"\x31", "version 3"),
    "command 2": (SIGNATURE_2 + b"\x22", "command 2"),
    "command 15": (SIGNATURE_2 + b"\x2f", "command 15"),
    "family 4": (v2(bytes(300), family=4), "family 4"),
    "transport 3": (v2(bytes(300), family=1, transport=3), "transport 3"),
    "too short for IPv4": (v2(bytes(11), family=1), "too few"),
    "too short for IPv6": (v2(bytes(35), family=2), "too few"),
    "too short for Unix": (v2(bytes(215), family=3), "too few"),
    "65535 bytes": (SIGNATURE_2 + b"\x21\x11\xff\xff", "4096 at most"),
    "a TLV cut off": (v2_addresses(tlvs=b"\x01\x00"), "cut off"),
    "a TLV too long": (v2_addresses(tlvs=b"\x01\x00\x02h"), "longer than"),
    "a long unique id": (v2_addresses(tlvs=tlv(Tlv.UNIQUE_ID, bytes(129))), "unique id"),
    "SSL without flags": (v2_addresses(tlvs=tlv(Tlv.SSL, bytes(4))), "flags"),
    "a TLV in SSL too long": (
        v2_addresses(tlvs=tlv(Tlv.SSL, bytes(5) + b"\x21\x00\x09T")),
        "longer than",
    ),
    "a short checksum": (v2_addresses(tlvs=tlv(Tlv.CRC32C, bytes(3))), "four bytes"),
    "a wrong checksum": (v2_addresses(tlvs=tlv(Tlv.CRC32C, bytes(4))), "is wrong"),
}
