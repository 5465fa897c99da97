"""Addresses: by what one is found, and how it is shown to a program."""

from __future__ import annotations

import os
import socket
from typing import Any

Address = tuple[str, int] | str

#: Of who has not bound yet.
NOWHERE = ("0.0.0.0", 0)

LOCALHOST = "127.0.0.1"


def as_key(address: Any) -> Address:
    """Host and port, or the path: what an address is found by."""
    if isinstance(address, str | bytes):
        return os.fsdecode(address)
    return (address[0], address[1])


def shown(address: Any, family: int) -> Any:
    """As the real system would show it to a socket of this family."""
    if family == socket.AF_UNIX:
        return address if isinstance(address, str) else ""
    if family == socket.AF_INET6:
        host, port = address
        return (host if ":" in host else "::" if address == NOWHERE else "::1", port, 0, 0)
    return address


def everywhere(address: Address) -> list[Address]:
    """What somebody may have bound who is reached at this address as well."""
    if isinstance(address, str):
        return []
    return [(host, address[1]) for host in ("", "0.0.0.0", "::")]
