"""Responder: which answer a datagram gets, or none.

Whatever comes has one of these outcomes, and never an exception.  No answer is longer than what
asked for it.  Two servers never talk for ever: a reply is not answered, an error is answered with
ERR a few times a second, and the same echo is given to the same peer once.  Pure: who asks and
what time it is are parameters.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import replace
from enum import Enum

from servers.allowance import Allowance
from servers.icp.message import (
    HEADER,
    NOBODY,
    VERSION,
    MalformedDatagram,
    Message,
    Opcode,
    Query,
    compose,
    parse,
    parse_query,
)

log = logging.getLogger("servers")

#: Seconds for which peers are told to look elsewhere, before they are told nothing.
NOFETCH_TIME = 5.0

#: ERR is sent to who is malformed so often in a second, and so often a failure of ours is logged.
ERRORS_PER_SECOND = 10

#: Echoes are given so often in a second, and so many of the last ones are known again: with these
#: numbers each for nine seconds at least, which is longer than a datagram is ever under way.
ECHOES_PER_SECOND = 100
REMEMBERED_ECHOES = 1000

#: What a peer may be answered.
Answer = Callable[[str, str], int]
ANSWERS = frozenset({Opcode.HIT, Opcode.MISS, Opcode.ERR, Opcode.MISS_NOFETCH, Opcode.DENIED})

#: Those after which the peer may come with its request.
PROMISES = frozenset({Opcode.HIT, Opcode.MISS})


class Outcome(Enum):
    """What became of a datagram."""

    ANSWERED = "answered"
    REFUSED = "told to look elsewhere"
    ECHOED = "echoed"
    MALFORMED = "malformed"
    FAILED = "a miss, because there was no better answer"
    SILENCED = "no answer while stopping"
    IGNORED = "nothing to answer"  # a reply, another protocol or version, an echo already given


def always_miss(url: str, requester: str) -> int:
    """The answer of who has no cache: a peer that is our child may fetch it through us."""
    return Opcode.MISS


class Responder:
    """Answers datagrams for as long as it is not withdrawn.

    answer: is given URL and requester, see `Query`, and returns HIT, MISS, ERR, MISS_NOFETCH or
        DENIED.  If it fails, that is logged, and the answer is a MISS: who has no cache says no
        more, and a peer is not to look elsewhere because of it.
    nofetch_time: seconds of a withdrawal in which queries are answered with MISS_NOFETCH; from then
        on there is silence.
    outcomes: how many datagrams had which.
    promised: when a peer was last told that it may come.
    """

    def __init__(self, answer: Answer = always_miss, nofetch_time: float = NOFETCH_TIME) -> None:
        self.answer = answer
        self.nofetch_time = nofetch_time
        self.outcomes: Counter[Outcome] = Counter()
        self.promised = float("-inf")
        self.withdrawn: float | None = None  # since when peers are to look elsewhere
        self._errors = Allowance(ERRORS_PER_SECOND)
        self._complaints = Allowance(ERRORS_PER_SECOND)
        self._echoes = Allowance(ECHOES_PER_SECOND)
        self._echoed: dict[tuple[Hashable, int], None] = {}

    def withdraw(self, now: float) -> None:
        """Peers are to look elsewhere from now on; a second call changes nothing."""
        if self.withdrawn is None:
            self.withdrawn = now

    def resume(self) -> None:
        """Answer as before."""
        self.withdrawn = None

    def respond(self, datagram: bytes, peer: Hashable, now: float) -> tuple[Outcome, bytes]:
        """What becomes of a datagram, and the answer to send; b"" for none.

        peer: who has sent it, as the sender's address.
        """
        outcome, reply = self._respond(datagram, peer, now)
        self.outcomes[outcome] += 1
        return outcome, reply

    def _respond(self, datagram: bytes, peer: Hashable, now: float) -> tuple[Outcome, bytes]:
        if len(datagram) < HEADER.size or datagram[1] != VERSION:
            return Outcome.IGNORED, b""
        opcode = datagram[0]
        if opcode not in (Opcode.QUERY, Opcode.SECHO, Opcode.DECHO):
            return Outcome.IGNORED, b""
        if self.withdrawn is not None and (
            opcode != Opcode.QUERY or now - self.withdrawn >= self.nofetch_time
        ):
            return Outcome.SILENCED, b""
        try:
            message = parse(datagram)
            if opcode != Opcode.QUERY:
                return self._echo(datagram, peer, now)
            query = parse_query(message.payload)
        except MalformedDatagram:
            if opcode != Opcode.QUERY:
                return Outcome.IGNORED, b""
            return Outcome.MALFORMED, self._error(datagram, now)
        return self._answer(datagram, message, query, now)

    def _answer(
        self, datagram: bytes, message: Message, query: Query, now: float
    ) -> tuple[Outcome, bytes]:
        if self.withdrawn is not None:
            return Outcome.REFUSED, _reply(message, Opcode.MISS_NOFETCH)
        outcome, opcode = Outcome.ANSWERED, Opcode.MISS
        try:
            opcode = _checked(self.answer(query.url, query.requester))
        except (Exception, SystemExit) as error:  # it is somebody else's code, and no stop of ours
            outcome = Outcome.FAILED
            if self._complaints.take(now):
                log.error("an ICP query is answered with a miss: %r", error, exc_info=error)
        if opcode in PROMISES:
            self.promised = now
        return outcome, _reply(message, opcode)

    def _error(self, datagram: bytes, now: float) -> bytes:
        if not self._errors.take(now):
            return b""
        number: int = HEADER.unpack_from(datagram)[3]
        return compose(Message(Opcode.ERR, number))

    def _echo(self, datagram: bytes, peer: Hashable, now: float) -> tuple[Outcome, bytes]:
        """The datagram itself, as an echo port would, but only once."""
        key = (peer, hash(datagram))
        if key in self._echoed or not self._echoes.take(now):
            return Outcome.IGNORED, b""
        if len(self._echoed) >= REMEMBERED_ECHOES:
            del self._echoed[next(iter(self._echoed))]
        self._echoed[key] = None
        return Outcome.ECHOED, datagram


def _checked(answer: int) -> Opcode:
    """An answer as its opcode.  Raises ValueError if it is none."""
    opcode = Opcode(answer)
    if opcode not in ANSWERS:
        raise ValueError(f"{opcode.name} is no answer; HIT, MISS, ERR, MISS_NOFETCH, DENIED are")
    return opcode


def _reply(message: Message, opcode: int) -> bytes:
    """The answer to a query: its number and its URL.

    Options are cleared: we send no objects, and measure no way to the server of origin.
    """
    url = message.payload[4:]
    return compose(
        replace(message, opcode=opcode, payload=url, options=0, option_data=0, sender=NOBODY)
    )
