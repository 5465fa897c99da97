"""Traces made by hand, tersely: time, phase and numbers of connections are carried along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from lifetime.testing.trace import Did, Entry, Trace

#: Runs that no server could have had: anybody does anything at any time, with strange details.
ENTRIES = st.lists(
    st.builds(
        Entry,
        at=st.floats(0, 99),
        phase=st.integers(0, 4),
        who=st.sampled_from(["operator", "loop", "world", "client 1", "client 2", "A 1", "Bee 2"]),
        did=st.sampled_from(Did),
        data=st.fixed_dictionaries(
            {"to": st.integers(0, 4), "number": st.integers(0, 3)},
            optional={
                "connection": st.integers(1, 3),
                "size": st.integers(0, 99999),
                "name": st.text(max_size=200),
                "reason": st.text(max_size=200),
                "status": st.integers(100, 599) | st.text(max_size=200),
                "address": st.text(max_size=20) | st.tuples(st.text(max_size=9), st.integers()),
                "error": st.text(max_size=200),
                "text": st.text(max_size=200),
                "level": st.sampled_from(["WARNING", "ERROR"]),
                "eta": st.none() | st.floats(0, 9),
                "removed_by": st.sampled_from([None, "A 1"]),
                "answer": st.sampled_from([None, "veto", "raised"]),
                "own": st.booleans(),
                "by": st.sampled_from(["signal", "client", "server"]),
                "patience": st.none() | st.floats(0, 99),
                "seconds": st.floats(0, 99),
            },
        ),
    ),
    max_size=60,
).map(lambda entries: sorted(entries, key=lambda entry: entry.at))


class Run:
    """A run that is written down step by step; every method returns the run.

    now: virtual seconds; phase: of the loop; trace: what has been written down.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.phase = 0
        self.trace = Trace()
        self._connections = 0
        self._of: dict[str, int] = {}  # client: its connection
        self._numbers: dict[int, int] = {}  # connection: its last request
        self._events = 0

    def add(self, who: str, did: Did, **data: Any) -> Run:
        """Anything at all."""
        self.trace.add(Entry(self.now, self.phase, who, did, data))
        return self

    def later(self, seconds: float) -> Run:
        """The loop waits, and time passes."""
        self.add("loop", Did.WAIT, seconds=seconds)
        self.now = round(self.now + seconds, 9)
        return self

    def times(self, count: int, do: Callable[[Run], object]) -> Run:
        """The same so often."""
        for _ in range(count):
            do(self)
        return self

    # The operator and the loop.

    def event(self) -> Run:
        """The scenario's next event comes."""
        self._events += 1
        return self.add("world", Did.EVENT, number=self._events - 1)

    def stop(self, by: str = "signal", fast: bool = False, exit_code: int = 0) -> Run:
        return self.add("operator", Did.STOP, by=by, fast=fast, exit_code=exit_code)

    def undo(self, worked: bool = True) -> Run:
        return self.add("operator", Did.UNDO, worked=worked)

    def enters(self, phase: int, patience: float | None = 30.0, minimum: float = 0.0) -> Run:
        self.phase = phase
        return self.add("loop", Did.PHASE, to=phase, patience=patience, minimum=minimum)

    def hurried(self, patience: float = 1.0) -> Run:
        return self.add("loop", Did.HURRIED, patience=patience)

    def ended(self, exit_code: int = 0, orderly: bool = True) -> Run:
        return self.add("loop", Did.ENDED, exit_code=exit_code, orderly=orderly)

    # The dispatchers.

    def joins(self, *who: str, has_hook: bool = True, own: bool = True) -> Run:
        for each in who:
            self.add(each, Did.JOINED, fd=len(self.trace), has_hook=has_hook, own=own)
        return self

    def leaves(self, who: str, removed_by: str | None = None) -> Run:
        return self.add(who, Did.LEFT, fd=0, removed_by=removed_by)

    def asked(
        self,
        *who: str,
        phase: int | None = None,
        time_in_phase: float = 0.0,
        veto: str | None = None,
        raised: str | None = None,
        eta: float | None = None,
    ) -> Run:
        """All of them give the same answer: they agree, unless a veto or an error is given."""
        answer = "veto" if veto is not None else "raised" if raised is not None else None
        for each in who:
            self.add(
                each,
                Did.ASKED,
                phase=self.phase if phase is None else phase,
                time_in_phase=time_in_phase,
                answer=answer,
                reason=veto or raised or "",
                eta=eta,
            )
        return self

    # Clients; those of their methods that need a connection use the client's latest.

    def connects(self, client: str = "client 1", address: str = "127.0.0.1:8001") -> Run:
        self._connections += 1
        self._of[client] = self._connections
        return self.add(client, Did.CONNECT, connection=self._connections, address=address)

    def client(self, client: str, did: Did, **data: Any) -> Run:
        """What a client does on its connection."""
        return self.add(client, did, connection=self._of[client], **data)

    def begins(self, client: str = "client 1", name: str = "GET /") -> Run:
        number = self._numbers.get(self._of[client], 0) + 1
        self.client(client, Did.SEND, size=18, text=name)
        return self.client(client, Did.BEGIN, number=number, name=name)

    def requests(self, client: str = "client 1", name: str = "GET /") -> Run:
        """A whole request, or the rest of what it began."""
        connection = self._of[client]
        self._numbers[connection] = self._numbers.get(connection, 0) + 1
        self.client(client, Did.SEND, size=36, text=name)
        return self.client(client, Did.REQUEST, number=self._numbers[connection], name=name)

    def answered(
        self,
        client: str = "client 1",
        number: int = 1,
        status: int = 200,
        final: bool = False,
        refusal: bool = False,
    ) -> Run:
        return self.client(
            client, Did.ANSWER, number=number, status=status, final=final, refusal=refusal
        )

    def finds_closed(
        self, client: str = "client 1", how: str = "close", owed: int = 0, untold: bool = False
    ) -> Run:
        return self.client(client, Did.END, by="server", how=how, owed=owed, untold=untold)

    def hangs_up(self, client: str = "client 1", how: str = "close", owed: int = 0) -> Run:
        return self.client(client, Did.END, by="client", how=how, owed=owed, untold=False)

    # The server's sockets.

    def server(self, who: str, did: Did, client: str = "client 1", **data: Any) -> Run:
        """What the server does with a client's connection."""
        return self.add(who, did, connection=self._of[client], **data)

    def accepts(self, listener: str, channel: str, client: str = "client 1") -> Run:
        """A listener accepts a connection, and a channel for it joins the map."""
        return self.server(listener, Did.ACCEPT, client).joins(channel)

    def reads(self, channel: str, client: str = "client 1", size: int = 36) -> Run:
        return self.server(channel, Did.READ, client, size=size)

    def writes(self, channel: str, client: str = "client 1", size: int = 120) -> Run:
        return self.server(channel, Did.WRITE, client, size=size)

    def closes(
        self,
        channel: str,
        client: str = "client 1",
        unsent: bool = False,
        working: bool = False,
        unread: int = 0,
        reset: bool = False,
    ) -> Run:
        """A channel closes its connection, and leaves the map."""
        data = {"unsent": unsent, "working": working, "unread": unread, "reset": reset}
        return self.leaves(channel).server(channel, Did.CLOSE, client, **data)
