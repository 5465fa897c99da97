"""What HAProxy says of us in its probes: the field X-Haproxy-Server-State.  Pure.

Sent with `http-check send-state`, in place of which HAProxy 2.6 writes a lower-case name:

    UP 2/3; address=127.0.0.1; port=8081; name=news/s1; node=lb1; weight=1/2; scur=13/22; qcur=0

Source: HAProxy's configuration manual, "http-check send-state"; what becomes of the weights was
measured with 2.6.12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIELD = "X-Haproxy-Server-State"

#: A longer value is not HAProxy's.
MAX_LENGTH = 1024

WORDS = ("UP", "DOWN", "NOLB")
NAME = re.compile(r"[\w.:/@+-]{1,64}", re.ASCII)
WEIGHT = re.compile(r"([0-9]{1,9})/([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True)
class ServerState:
    """One HAProxy's view of one server, which is us.

    word: UP, DOWN, or NOLB: no new sessions, but those that must come to us.
    node, name: which HAProxy says it, and of which backend/server; "" if it does not.
    weight, total: ours, and that of all servers that get new sessions; None if it does not say.
    """

    word: str
    node: str = ""
    name: str = ""
    weight: int | None = None
    total: int | None = None

    def sends_nothing_new(self, before: ServerState | None) -> bool:
        """Whether it has ceased to send us new sessions.

        before: what it said last before its agent was told to drain us; None if it said nothing,
            or if no agent was told.
        """
        if self.word != "UP":
            return True
        # Behind an agent's `drain` the word stays UP, and weight=1/2 becomes 1/1: our share has
        # left the total.  Without it that of another server has, and all comes to us.  A weight of
        # 0 is rounded, and proves nothing.
        if before is None or not before.weight or before.total is None or self.total is None:
            return False
        return self.total <= before.total - before.weight


def parse_server_state(value: str) -> ServerState | None:
    """Read the field's value; None if HAProxy would not write it."""
    if len(value) > MAX_LENGTH:
        return None
    first, *rest = value.split(";")
    word = first.split()[0] if first.split() else ""
    if word not in WORDS:
        return None
    fields = dict(part.strip().partition("=")[::2] for part in rest)
    weight = WEIGHT.fullmatch(fields.get("weight", ""))
    return ServerState(
        word,
        _name(fields.get("node", "")),
        _name(fields.get("name", "")),
        int(weight[1]) if weight else None,
        int(weight[2]) if weight else None,
    )


def _name(text: str) -> str:
    return text if NAME.fullmatch(text) else ""
