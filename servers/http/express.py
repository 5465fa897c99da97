"""ExpressLane: the commonest turn of a connection, in one piece.

One request is here, without a body or as a parcel (servers/http/parcel.py), its head is one that
was read before, nothing else is under way, and its answer is small.  Then all that HTTPChannel
would look at is known, and the steps between the poll and the handler, and between the answer and
the socket, are taken at once.  What a turn of another kind needs is HTTPChannel's, and so is this
one, wherever one of the methods that are passed by is somebody else's (servers/overriding.py).
"""

from __future__ import annotations

import socket
from typing import Any

from lifetime import Lifetime, Phase
from lifetime.poller import Poller
from servers.channel import FOREVER
from servers.compiled import lane
from servers.http.answering import LARGE
from servers.http.collecting import CollectingChannel
from servers.http.errors import ClientError
from servers.http.framing import CANONICAL
from servers.http.limits import Limits
from servers.http.parcel import open_parcel
from servers.http.parser import HEAD_END, Head
from servers.http.reply import Answered
from servers.http.request import Request
from servers.http.target import Target

#: What an idle connection answers to readable() and writable().
IDLE = (True, False)


class ExpressLane(CollectingChannel):
    """The short way from the poll to a handler, and from its answer to the socket.

    request_class: what is made of a head.
    requests: begun on this connection.
    """

    # What every turn looks at has a fixed place in each object, where it is found soonest.
    __slots__ = (
        "_alarm_at",
        "_body",
        "_client",  # addr and what access lines say of it; of the lane alone, as the next two
        "_fifo",
        "_heads",
        "_lifetime",
        "_watched",  # our last word on readable() and writable()
        "ac_out_buffer",
        "addr",
        "advancing",
        "bytes_in",
        "bytes_out",
        "current_request",
        "deadline",
        "final",
        "input_ended",
        "is_replaced",  # one of our methods was, in this object alone: see overriding.py
        "limits",
        "poller",
        "replies",
        "requests",
        "server",
        "socket",
        "unread",
    )

    requests: int
    is_replaced: bool
    _watched: tuple[bool, bool]
    limits: Limits

    request_class = Request
    ac_in_buffer_size = 65536

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Not in the constructor: some old channels pass ours by.
        self = super().__new__(cls)
        self._alarm_at = self.deadline = FOREVER
        self._body = self._fifo = self.current_request = self.socket = None
        self.poller = None  # type: ignore[assignment]  # until it joins
        self._watched = IDLE
        self.ac_out_buffer = self.unread = b""
        self.advancing = self.final = self.input_ended = self.is_replaced = False
        self.bytes_in = self.bytes_out = self.requests = 0
        self.replies = []
        return self

    # What the long way knows

    def conclude(self) -> None:
        """Send what the turn has given, whatever it is."""
        raise NotImplementedError

    def refuse(self, error: ClientError) -> None:
        """The peer broke the protocol."""
        raise NotImplementedError

    def handle_read_event(self) -> None:
        """Something has come."""
        if (
            self.unread
            or self.current_request is not None
            or self._body is not None
            or self.final
            or self.ac_out_buffer
            or self._fifo
            or self.advancing
            or not self.as_written
        ):
            self.handle_read()
            return
        try:
            data = self.recv(self.ac_in_buffer_size)
        except BlockingIOError:
            return
        body = b""
        head = self.server.heads.get(data)
        if head is None:
            head, body = open_parcel(data, self.server.heads, self.limits)
        elif head.length or head.chunked:
            head = None
        if head is None:
            if data:
                self.received(data)
            return
        if body:
            self.terminator = HEAD_END  # whatever the handler before has left there
        self.requests += 1
        self.advancing = True
        try:
            # Nobody but an HTTPChannel is one of us.
            request = self.request_class(self, head, self.limits.body)  # type: ignore[arg-type]
            self.current_request = request
            try:
                self.server.dispatch(request)
            except Exception as error:
                self.dispatch_failed(request, error, body)
            else:
                if body or request.collector is not None:
                    self.follow_up(request, body)
        except ClientError as error:
            self.refuse(error)
        finally:
            self.advancing = False
        if self.final or self.unread:
            self.advance()  # it was asked whether more has come, and more has
        else:
            self.poller.at_end_of_turn(self._send_one)

    def dispatch_failed(self, request: Request, error: Exception, body: bytes) -> None:
        """The handler has raised this, when it was shown the head of a request with this body."""
        if body:
            self.hold_back(request, body)
        self.handler_failed(request, error)

    def follow_up(self, request: Request, body: bytes) -> None:
        """The handler has seen the head: let it have the body, or hear that there is none."""
        if body:
            self.take_parcel(request, body)
        elif request.collector is not None:
            self.guarded(request, request.collector.found_terminator)

    def _send_one(self) -> None:
        """Send the answer, if it is the only one and small."""
        replies = self.replies
        if (
            len(replies) != 1
            or self.unread
            or self.ac_out_buffer
            or self._fifo
            or self.final
            or self.advancing
            or self.socket is None
        ):
            self.conclude()
            return
        request, head, body = replies[0]
        length = len(body)
        if length > LARGE:
            self.conclude()
            return
        self.replies = []
        data = head + body
        try:
            sent = self.send(data)
            if sent != len(data):
                self.sent_in_part(replies, data, sent)
                self.settle()
                return
            self.bytes_out += sent
            request.bytes_sent = length
            self.server.request_finished(request)
        except Exception:
            self.handle_error()
            return
        if self._watched is IDLE and self.current_request is None:
            self.deadline = when = self.poller.now + self.limits.keep_alive
            if when < self._alarm_at:
                self._set_alarm(when)
        else:
            self.settle()


if lane is not None:
    lane.take_over(
        lifetime_class=Lifetime,
        poller_class=Poller,
        limits_class=Limits,
        channel_class=ExpressLane,
        request_class=Request,
        head_class=Head,
        target_class=Target,
        answered_class=Answered,
        socket_class=socket.socket,
        canonical=CANONICAL,
        client_error=ClientError,
        head_end=HEAD_END,
        idle=IDLE,
        open_parcel=open_parcel,
        running=Phase.RUNNING,
    )
