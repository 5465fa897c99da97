"""FCGIChannel: one connection of a web server.

The life of a connection, of a request and of its answer is that of HTTP; only what comes in and
goes out is in records.  The end of a connection cannot be announced, but it can come with the very
last record, so that the web server never believes in a connection that is about to end.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from lifetime import Phase, event_driven
from servers.channel import FOREVER, Sent
from servers.fcgi.conversation import (
    Aborted,
    Asked,
    BodyEnd,
    BodyPiece,
    Conversation,
    Event,
    Reply,
    Unreadable,
)
from servers.fcgi.framing import OutputRecords, frame_answer
from servers.fcgi.gateway import client_address, environment, read_head
from servers.fcgi.records import (
    MAX_PIECE,
    RecordError,
    Type,
    encode_end,
    encode_record,
    encode_stream,
)
from servers.fcgi.request import FCGIRequest
from servers.http.channel import HTTPChannel
from servers.http.errors import ClientError, MisuseError
from servers.http.request import Request
from servers.producers import SimpleProducer

if TYPE_CHECKING:
    from servers.fcgi.listener import FCGIListener

log = logging.getLogger("servers")


class FCGIChannel(HTTPChannel):
    """One connection to an FCGIListener.

    peer: the address of the web server.
    addr: while a request is under way, that of its client, as the web server says.
    """

    request_class: Any = FCGIRequest
    framing = staticmethod(frame_answer)
    _ending: bytes | None = None  # the last records of an answer, once they are in the queue
    _deaf = False  # what comes is not FastCGI
    _is_nginx_nearby = False  # at the other end of a Unix socket

    def __init__(self, server: FCGIListener, sock: Any, addr: Any) -> None:
        self.peer = addr
        self.conversation = Conversation(server.limits.head, server.values())
        super().__init__(server, sock, addr)

    # Input

    def _run(self) -> None:
        """Obey the records that have come, one after the other."""
        data, self.unread = self.unread, b""
        if self._deaf:
            return
        self.conversation.receive(data)
        try:
            while not self.final and self.socket is not None:
                event = self.conversation.next_event()
                if event is None:
                    break
                self._obey(event)
        except RecordError as error:
            log.info("%s: %s", self.shutdown_name, error)
            self._break_off()
        if self._deaf or not self.conversation.receiving:
            self._head_until = FOREVER
        elif self._head_until == FOREVER:
            self._head_until = self.poller.now + self.limits.header_time

    def _break_off(self) -> None:
        """What comes cannot be understood: answer what is due, and end."""
        self._deaf = True
        if self._body is not None:
            self.abort(by_us=False)  # never handed to a handler as complete
        elif self.current_request is None:
            self.final = True

    def _obey(self, event: Event) -> None:
        if isinstance(event, Asked):
            self._begin(event)
        elif isinstance(event, BodyPiece):
            self._take_piece(event.data)
        elif isinstance(event, BodyEnd):
            self._end_body()
        elif isinstance(event, Aborted):
            self._give_up()
        elif isinstance(event, Unreadable):
            self._turn_away(event.error)
        elif isinstance(event, Reply):
            self.enqueue(event.data)
            self.final |= event.final

    def _begin(self, asked: Asked) -> None:
        """Begin a request: what `_take_head` does for HTTP."""
        environ = environment(asked.params)
        self.addr = client_address(environ) or self.peer
        if not isinstance(self.peer, tuple):
            self._is_nginx_nearby = environ.get("SERVER_SOFTWARE", "").startswith("nginx/")
        try:
            head = read_head(asked.params, asked.has_body, self.limits)
        except ClientError as error:
            self._turn_away(error)
            return
        self.requests += 1
        request = self.current_request = self.request_class(self, head, self.limits.body)
        request.environ = environ
        if asked.has_body:
            self._expect_body(request)
        try:
            self.server.dispatch(request)
            if self._body is not None:
                self._offer_body(request)
        except Exception as error:
            self.handler_failed(request, error)
            return
        if self._body is None and request.collector is not None:
            self.guarded(request, request.collector.found_terminator)

    def _take_piece(self, data: bytes) -> None:
        body, request = self._body, self._reader
        if body is None or request is None:
            return  # of a request that was turned away
        body.received += len(data)
        if request.is_done:
            return
        length = request.head.length
        if body.received > request.body_limit:
            error = ClientError(413, f"the body is larger than {request.body_limit} bytes")
            self.handler_failed(request, error)
        elif length is not None and body.received > length:
            self.handler_failed(request, ClientError(400, "the body is longer than announced"))
        elif request.collector is not None:
            self.guarded(request, self._collect, request, data)

    def _end_body(self) -> None:
        body, request = self._body, self._reader
        self._body = self._reader = None
        if body is None or request is None:
            return
        body.complete = True
        length = request.head.length
        if request.is_done:
            self._drop_collector(request)
        elif length is not None and body.received < length:
            # Never handed to a handler as complete: the client has gone in the middle of it.
            self.handler_failed(request, ClientError(400, "the body is shorter than announced"))
        elif request.collector is not None and not self._collected:
            self.guarded(request, request.collector.found_terminator)

    def _give_up(self) -> None:
        """The web server does not want the answer any more: say that the request is over."""
        request, self.current_request = self.current_request or self._reader, None
        self._body = self._reader = None
        if request is not None:
            log.info("%s: the web server gave up %s", self.shutdown_name, request)
            self.throw_away(request)
            self._drop_collector(request)
        if self._ending is not None and not any(each is self._ending for each in self._fifo or ()):
            return  # the end is on its way already
        # Whole records have left the queue, so that what follows is understood.
        self.replies = []
        self._close_producers()
        self._end(encode_end(self.conversation.request_id))

    def _turn_away(self, error: ClientError) -> None:
        """Answer what no handler has seen, in the place of one."""
        log.info("%s: %s", self.shutdown_name, error)
        if self.server.lifetime.phase is not Phase.RUNNING:
            self.server.lifetime.tally.refused += 1
        request_id = self.conversation.request_id
        page = self.server.refusal(error, self)
        self.final |= not self._goes_on()
        self._end(encode_stream(Type.STDOUT, request_id, page) + self._last_records())

    def _end(self, records: bytes) -> None:
        self._ending = records
        self.enqueue(records)
        self.producer_fifo.append(Sent(self._over))

    def refuse(self, error: ClientError) -> None:
        """What was awaited has not come in time; the connection ends."""
        request = self._reader or self.current_request
        if request is not None:
            self.handler_failed(request, error)
        elif self.conversation.request_id:
            self._turn_away(error)
            self.final = True
        else:
            self._break_off()

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for input: not while much output waits, which input makes more of."""
        return not self.input_ended and (self.final or not self._is_behind())

    # Output

    def push(self, data: bytes | str) -> NoReturn:
        """Raises MisuseError: here are records only."""
        raise MisuseError(f"{self.shutdown_name} carries records only; push to the request")

    def push_with_producer(self, producer: object) -> NoReturn:
        """Raises MisuseError: here are records only."""
        self.push(b"")

    def _send_at_once(self) -> None:
        self._queue_replies()
        self.initiate_send()

    def add_head(self, request: Request, head: bytes) -> None:
        """Begin an answer."""
        request_id = self.conversation.request_id
        self.producer_fifo.append(encode_stream(Type.STDOUT, request_id, head))

    def add_part(self, request: Any, part: Any) -> None:
        """Go on with its body: bytes, or a producer."""
        if isinstance(part, bytes) and len(part) > MAX_PIECE:
            part = SimpleProducer(part)
        request_id = self.conversation.request_id
        if not isinstance(part, bytes):
            self.producer_fifo.append(OutputRecords(part, request, request_id))
        elif part:
            request.body_sent += len(part)
            self.producer_fifo.append(encode_stream(Type.STDOUT, request_id, part))

    def end_answer(self, request: Request) -> None:
        """It is complete; only now it is known whether the connection goes on."""
        self.final |= not self._goes_on()
        self._ending = self._last_records()
        self.producer_fifo.append(self._ending)
        self.producer_fifo.append(Sent(partial(self._streamed, request)))

    def _last_records(self) -> bytes:
        """What ends an answer, and perhaps its connection."""
        request_id = self.conversation.request_id
        ending = encode_record(Type.STDOUT, request_id) + encode_end(request_id)
        if self.final and self.conversation.keeps_connection and self._is_nginx_nearby:
            # On a Unix socket our FIN comes by itself.  But nginx keeps no connection with anything
            # behind the end of the answer, and an empty piece of STDERR means nothing.  Others must
            # not get it: it would hide the FIN.
            ending += encode_record(Type.STDERR, request_id)
        return ending

    def _finished(self, request: Any, body_began: int, ended: int) -> None:
        # Nobody wants to read in a log how long the records were.
        super()._finished(request, 0, request.body_sent)
        self._over(ended)

    def _over(self, ended: int) -> None:
        """The last byte of a request's answer has left."""
        self.conversation.end_request()
        self._ending = None
        self.addr = self.peer

    def send(self, data: Any) -> int:
        """Send what the socket takes at once; returns how many bytes that were."""
        if not self.final or any(not isinstance(each, Sent | None) for each in self._fifo or ()):
            return super().send(data)
        # Our last bytes wait in the system for our FIN, and travel in one segment with it.  Apart,
        # the web server might take the connection for a free one in between.  Unix sockets have no
        # segments: there the two calls are as near to each other as they can be.
        sent = self.send_more(data)
        if sent == len(data) and self.socket is not None:
            self.say_goodbye()
        return sent

    # The connection behind an answer

    def persists(self, request: Request) -> bool:
        """Whether the connection goes on behind this answer."""
        # A web server that asks for the end of the connection sends nothing behind its request.
        keeps = self.conversation.keeps_connection or self.conversation.receiving
        self._peer_asked_close = not keeps
        return self._goes_on() and not request.close_asked

    def _goes_on(self) -> bool:
        return (
            self.conversation.keeps_connection
            and self.server.lifetime.phase is Phase.RUNNING
            and self.requests < self.limits.requests_per_connection
            and self._body is None
            and not self.input_ended
            and not self._deaf
        )

    def settle(self) -> None:
        """What do we wait for, and until when?"""
        super().settle()
        if self.socket is not None and not self.final and self._head_until < self.deadline:
            self.expire_at(self._head_until)

    @property
    def working(self) -> bool:
        """Whether a request has begun to come, or its answer is not complete."""
        receiving = self.conversation.receiving and not (self.final or self._deaf)
        return super().working or receiving

    @property
    def shutdown_name(self) -> str:
        """The web server, as logs and reports call it."""
        if isinstance(self.peer, tuple) and len(self.peer) >= 2:
            return f"FastCGI {self.peer[0]}:{self.peer[1]}"
        return "FastCGI over a Unix socket"
