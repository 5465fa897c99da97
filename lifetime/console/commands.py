"""A command, and what an application's callback sees of it: the dictionary of the original.

Pure: who sent it is found out by the sources, what becomes of it is decided in hub.py.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Qedit = dict[str, Any]

#: Characters of a console's or user's name, padded with blanks.
NAME_LENGTH = 8


@dataclass(frozen=True)
class Origin:
    """Where a command came from.

    source: 'socket', 'fifo', 'tty', 'signal', 'pipe', 'zconsole', 'start' or 'program'.
    user: the login name, or the console's.
    pid, uid, gid: of the peer, -1 where the source cannot know them.
    acts_for: the user id for which the peer says it acts, such as its real one under sudo.
    cart: 8 bytes that tie an answer to its command.
    """

    source: str
    user: str = ""
    pid: int = -1
    uid: int = -1
    gid: int = -1
    acts_for: int | None = None
    cart: bytes = field(default_factory=lambda: os.urandom(8))

    @property
    def name(self) -> str:
        """Who it was, in a log line."""
        return self.user or (f"uid {self.uid}" if self.uid >= 0 else self.source)


@dataclass(frozen=True)
class Command:
    """What goes to an application: 'Start', 'Modify' or 'Stop', and the operator's text.

    reply: sends a line of text back to the operator.
    extra: keys that an extension has given and we do not know.
    """

    verb: str
    data: str
    origin: Origin
    reply: Callable[[str], object]
    extra: Qedit = field(default_factory=dict)

    def as_qedit(self, fold: bool = False) -> Qedit:
        """A new dictionary, with the keys and types of the original and a few more.

        fold: in upper case outside quotes, as z/OS does with what is typed.
        """
        origin = self.origin
        acts_for = origin.uid if origin.acts_for is None else origin.acts_for
        return {
            **self.extra,
            "rc": 0,
            "verb": self.verb,
            "data": folded(self.data) if fold else self.data,
            "console": origin.user[:NAME_LENGTH].ljust(NAME_LENGTH),
            "cart": origin.cart,
            "consoleid": self.extra.get("consoleid", two_words(origin.pid, origin.uid)),
            "oconsoleid": self.extra.get("oconsoleid", two_words(origin.pid, acts_for)),
            "source": origin.source,
            "uid": origin.uid,
            "gid": origin.gid,
            "pid": origin.pid,
            "reply": self.reply,
        }


def two_words(first: int, second: int) -> bytes:
    """Two big-endian 32-bit numbers; -1 is all ones, as `(uid_t) -1` is."""
    return struct.pack(">II", first & 0xFFFFFFFF, second & 0xFFFFFFFF)


def folded(text: str) -> str:
    """Upper case outside single quotes, which stay in."""
    pieces = text.split("'")
    return "'".join(piece if number % 2 else piece.upper() for number, piece in enumerate(pieces))
