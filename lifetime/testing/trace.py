"""What happened in one simulated run, in order: the laws judge it, the story tells it.

A trace is all that laws, reference model, story, chart and coverage get to see, so a verdict can
be reached again from the trace alone.  The same scenario gives the same trace, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Did(str, Enum):
    """What somebody did.  Behind each: who did it, and the names of its details."""

    # The operator, and the world around the server.
    STOP = "stop"  # operator: by ("signal", "thread", "request"), fast, exit_code
    UNDO = "undo"  # operator: worked (False: too late, or nothing to undo)
    EVENT = "event"  # world: number (0 for the scenario's first): it comes now, see what follows
    CLOCK = "clock"  # world: seconds by which the wall clock was set

    # The loop.
    PHASE = "phase"  # loop: to; patience (seconds that this phase may take, None: unknown);
    #   minimum (seconds that it must take)
    HURRIED = "hurried"  # loop: patience (seconds left in this phase from now on)
    WAIT = "wait"  # loop: seconds (None: for ever) for which it is about to do nothing; pending
    #   (names of what may still happen by itself: timers that fire once, threads, bytes under way)
    ENDED = "ended"  # loop: exit_code, orderly (False: somebody was closed by force)
    BLOCKED = "blocked"  # a dispatcher, or loop: seconds that it slept in the loop's thread
    FAILED = "failed"  # loop: error that left it
    SPIN = "spin"  # loop: polls, without any time passing
    HANG = "hang"  # loop: it waits for ever, and nothing will ever happen

    # The dispatchers in the map.  `who` is a name such as "HTTPListener 1".
    JOINED = "joined"  # fd, has_hook, own (False: one of the harness's bystanders), stays (it says
    #   that it answers until phase 4, and holds nobody)
    LEFT = "left"  # fd, removed_by (who ran then; None: itself)
    ASKED = "asked"  # phase, time_in_phase, answer (None, "veto" or "raised"), reason (or what
    #   it raised), eta

    # Sockets of the server.  `who` is the dispatcher they belong to, or "the server".
    LISTEN = "listen"  # address, fd
    DEAF = "deaf"  # address: it listens no more; queue (connections that were dropped with it)
    ACCEPT = "accept"  # connection
    READ = "read"  # connection, size: bytes that the server has read
    WRITE = "write"  # connection, size: bytes that the server has sent
    CLOSE = "close"  # connection, unsent (it still had or wanted something to send), working,
    #   unread (bytes that had come and were not read: the peer gets a reset), peer_gone

    # Clients.  `who` is "client 1"; connections are numbered through the whole run, so the number
    # is the same here and at the server.
    CONNECT = "connect"  # connection, address: the system has put it into the accept queue
    REFUSED = "refused"  # address
    SEND = "send"  # connection, size, text (its beginning)
    REQUEST = "request"  # connection, number, name: the last byte of it has been sent; answered
    #   (False: the dialect does not know whether it ever is)
    BEGIN = "begin"  # connection, number, name, answered: the first byte of it, and not the last
    ANSWER = "answer"  # connection, number, status, final (it announced the close), refusal
    SURPLUS = "surplus"  # connection, size: bytes that answer nothing
    CUT = "cut"  # connection, number, size: the connection ended within an answer
    END = "end"  # connection, by ("server", "client"), how ("close", "reset"),
    #   owed (requests whose answer never came), untold (no answer announced it, and one could have)
    HOLD = "hold"  # connection: the client reads no more; READ_ON: it does again
    READ_ON = "read on"  # connection
    HALF_CLOSE = "half close"  # connection: the client sends no more

    # What else goes on in the server.
    TIMER = "timer"  # name: a timer of the loop fires
    THREAD = "thread"  # name, state ("begins", "goes on", "ends")
    LEAK = "leak"  # kind ("descriptor", "socket", "timer", "thread", "file"), name: left behind
    LOG = "log"  # level, text: a warning or worse, as the server logged it


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    at: virtual seconds since the world began; phase: of the loop, then.
    """

    at: float
    phase: int
    who: str
    did: Did
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """One line, the same for the same entry."""
        line = {"at": round(self.at, 9), "phase": self.phase, "who": self.who, "did": self.did}
        return json.dumps({**line, "details": self.data}, ensure_ascii=True, default=repr)


class Trace:
    """The entries of one run; whoever subscribes sees each as it happens."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._subscribers: list[Callable[[Entry], None]] = []

    def subscribe(self, callback: Callable[[Entry], None]) -> None:
        """Call `callback(entry)` for each entry from now on."""
        self._subscribers.append(callback)

    def add(self, entry: Entry) -> None:
        """It has happened."""
        self.entries.append(entry)
        for callback in self._subscribers:
            callback(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def as_json_lines(self) -> str:
        """The whole trace, one entry a line."""
        return "".join(entry.as_json() + "\n" for entry in self.entries)
