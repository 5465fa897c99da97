"""Ports for servers that cannot choose one themselves, for something else has to know it too."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

#: The system gives others away, to clients and to servers that ask for any: one of those might
#: take a port between its choice and its use, or during a restart.
FREE = range(10240, 32768)

_chance = random.SystemRandom()  # what tests seed is the same in processes that run at once


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """One on which nobody listens."""
    while True:
        port = _chance.choice(FREE)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def free_ports_for(names: Iterable[int], kind: int = socket.SOCK_STREAM) -> dict[int, int]:
    """For each of these ports another one on which nobody listens."""
    names = list(names)
    chosen: set[int] = set()
    while len(chosen) < len(names):
        chosen.add(free_port(kind))
    return dict(zip(names, chosen, strict=True))
