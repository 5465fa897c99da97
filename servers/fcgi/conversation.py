"""Conversation: what the records of one connection mean.

One request is under way at a time: a second one is told that we do not multiplex.  What belongs to
a request that is not under way is passed over, as the specification wants.  Pure: bytes in, events
out; the channel obeys them.

Source: FastCGI Specification 1.0 (1996), sections 3 to 6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from servers.fcgi.records import (
    BEGIN,
    KEEP_CONN,
    Record,
    RecordError,
    Role,
    Status,
    Type,
    decode_pairs,
    encode_end,
    encode_pairs,
    encode_record,
    take_record,
)
from servers.http.errors import ClientError

Pairs = list[tuple[bytes, bytes]]


class State(Enum):
    """How far the request of a connection has come."""

    IDLE = auto()  # there is none
    PARAMS = auto()  # its parameters are coming in
    ASKED = auto()  # they are here; the first record of its body is awaited
    BODY = auto()  # the body is coming in
    ANSWERING = auto()  # all of it is here, or nobody wants the rest


class Asked(NamedTuple):
    """A request, with all of its parameters.  has_body: at least one byte of one comes."""

    params: Pairs
    has_body: bool


class Unreadable(NamedTuple):
    """A request whose parameters nobody can read; `error` is the answer that is due."""

    error: ClientError


class BodyPiece(NamedTuple):
    """The next piece of the body; not empty."""

    data: bytes


class BodyEnd(NamedTuple):
    """The body, of which there was at least a piece, is complete."""


class Aborted(NamedTuple):
    """The web server does not want the answer any more, only the end of the request."""


class Reply(NamedTuple):
    """Something to be sent as it is.  final: and then the connection ends."""

    data: bytes
    final: bool = False


Event = Asked | Unreadable | BodyPiece | BodyEnd | Aborted | Reply


class Conversation:
    """The web server's half of one connection.

    max_params: bytes of parameters that a request may have; more is answered with 431.
    values: what is answered to questions about ourselves (FCGI_GET_VALUES).
    request_id: of the request that is under way, 0 if none is.
    keeps_connection: the connection goes on behind that request.
    """

    def __init__(self, max_params: int, values: Mapping[bytes, bytes]) -> None:
        self.request_id = 0
        self.keeps_connection = False
        self.state = State.IDLE
        self._max_params = max_params
        self._values = values
        self._params = bytearray()
        self._data = b""  # what has come, from the beginning of a record on
        self._position = 0  # so much of that has been looked at
        self._events: deque[Event] = deque()

    @property
    def receiving(self) -> bool:
        """Whether something has begun to come that no event has told of yet."""
        return len(self._data) > self._position or self.state in (State.PARAMS, State.ASKED)

    def receive(self, data: bytes) -> None:
        """Take what has come; the events are to be fetched until there is none."""
        self._data += data

    def next_event(self) -> Event | None:
        """What has happened next; None if more input is needed.

        Raises RecordError; the connection is of no use then.
        """
        while not self._events:
            taken = take_record(self._data, self._position)
            if taken is None:
                # Cut here, not behind each record: they may be many and small.
                self._data, self._position = self._data[self._position :], 0
                return None
            record, self._position = taken
            self._take(record)
        return self._events.popleft()

    def end_request(self) -> None:
        """The last byte of the answer has been sent: there may be another request."""
        self.request_id = 0
        self.state = State.IDLE
        self._params.clear()

    def _take(self, record: Record) -> None:
        if not record.request_id:
            self._take_management(record)
        elif record.type == Type.BEGIN_REQUEST:
            self._begin(record)
        elif record.request_id == self.request_id:
            rule = _RULES.get((self.state, record.type))
            if rule is not None:
                rule(self, record.content)

    def _take_management(self, record: Record) -> None:
        if record.type == Type.GET_VALUES:
            asked = [name for name, _ in decode_pairs(record.content)]
            # Of a name that comes twice, one answer; so the answer is never longer than the values.
            known = [(name, self._values[name]) for name in dict.fromkeys(asked)
                     if name in self._values]  # fmt: skip
            answer = encode_record(Type.GET_VALUES_RESULT, 0, encode_pairs(known))
        else:
            answer = encode_record(Type.UNKNOWN_TYPE, 0, bytes((record.type, *bytes(7))))
        self._events.append(Reply(answer))

    def _begin(self, record: Record) -> None:
        if len(record.content) != BEGIN.size:
            raise RecordError("a request begins with a record of the wrong length")
        role, flags = BEGIN.unpack(record.content)
        if record.request_id == self.request_id:
            raise RecordError("a request begins although it is under way already")
        if self.request_id:
            self._events.append(Reply(encode_end(record.request_id, Status.CANT_MPX_CONN)))
        elif role != Role.RESPONDER:
            answer = encode_end(record.request_id, Status.UNKNOWN_ROLE)
            self._events.append(Reply(answer, final=not flags & KEEP_CONN))
        else:
            self.request_id = record.request_id
            self.keeps_connection = bool(flags & KEEP_CONN)
            self.state = State.PARAMS

    def _take_params(self, content: bytes) -> None:
        if not content:
            self.state = State.ASKED
        elif len(self._params) + len(content) > self._max_params:
            self._give_up(ClientError(431, "the parameters of the request are too long"))
        else:
            self._params += content

    def _take_first_stdin(self, content: bytes) -> None:
        # Only now it is known whether there is a body: not everybody says so in CONTENT_LENGTH.
        try:
            params = decode_pairs(bytes(self._params))
        except RecordError:
            self._give_up(ClientError(400, "the parameters of the request are malformed"))
            return
        self._params.clear()
        self._events.append(Asked(params, bool(content)))
        self.state = State.BODY if content else State.ANSWERING
        if content:
            self._events.append(BodyPiece(content))

    def _take_early_stdin(self, content: bytes) -> None:
        self._give_up(ClientError(400, "the body begins before the parameters have ended"))

    def _give_up(self, error: ClientError) -> None:
        self._params.clear()
        self.state = State.ANSWERING
        self._events.append(Unreadable(error))

    def _take_stdin(self, content: bytes) -> None:
        if content:
            self._events.append(BodyPiece(content))
        else:
            self.state = State.ANSWERING
            self._events.append(BodyEnd())

    def _abort(self, content: bytes) -> None:
        self.state = State.ANSWERING
        self._events.append(Aborted())


#: What records of the request that is under way do; those that are not named do nothing.
_RULES: dict[tuple[State, int], Callable[[Conversation, bytes], None]] = {
    (State.PARAMS, Type.PARAMS): Conversation._take_params,
    (State.PARAMS, Type.STDIN): Conversation._take_early_stdin,
    (State.ASKED, Type.STDIN): Conversation._take_first_stdin,
    (State.BODY, Type.STDIN): Conversation._take_stdin,
    (State.PARAMS, Type.ABORT_REQUEST): Conversation._abort,
    (State.ASKED, Type.ABORT_REQUEST): Conversation._abort,
    (State.BODY, Type.ABORT_REQUEST): Conversation._abort,
    (State.ANSWERING, Type.ABORT_REQUEST): Conversation._abort,
}
