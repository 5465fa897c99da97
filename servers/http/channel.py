"""HTTPChannel: one client's connection.

Requests are read one after the other, and the next is looked at only when the one before has its
answer; so answers keep their order, whoever gives them and when.  Answers to pipelined requests
leave together.  The end of a connection is announced with the last answer that it will carry, and
then taken slowly: flush, say that we send no more, read on until the peer hangs up.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from lifetime import ExitNow, Lifetime, Phase, Veto, event_driven
from servers.channel import FOREVER, Channel, Sent
from servers.http.body import ChunkedBody, SizedBody
from servers.http.errors import ClientError, MisuseError
from servers.http.framing import Allowance, Coding, Portion, chunk, declared_length
from servers.http.parser import Head, find_head, parse_head
from servers.http.reply import CONTINUE, Reply, compose, compose_head, compose_plain_head
from servers.http.request import Request
from servers.producers import ListProducer, Producer

if TYPE_CHECKING:
    from servers.http.listener import HTTPListener

log = logging.getLogger("servers")

#: A body above this (bytes) is handed to the system beside its head, not copied behind it.
LARGE = 16384

#: Answers to pipelined requests that leave together, at most.
MAX_AT_ONCE = 32

#: What an idle connection answers to readable() and writable().
IDLE = (True, False)


class HTTPChannel(Channel):
    """One connection to an HTTPListener.

    server: the listener; sock: connected, non-blocking; addr: the peer's address.
    current_request: the request whose answer is awaited, or None.
    """

    request_class = Request
    ac_in_buffer_size = 65536
    terminator = b"\r\n\r\n"

    current_request: Request | None = None
    requests = 0  # begun on this connection
    _input: bytes = b""  # read, and not looked at yet
    _searched = 0  # so much of it was searched for the end of a head
    _head_until = FOREVER  # when a head that has begun must be complete
    _body: SizedBody | ChunkedBody | None = None  # what is still to come of a request
    _reader: Request | None = None  # the request whose body that is
    _collected = False  # its collector has been told of the end
    _body_began = 0.0
    advancing = False  # input is being looked at, and handlers are being called
    _final = False  # no further request is looked at
    _peer_asked_close = False
    _lingering = False
    _watched = IDLE  # our last word on readable() and writable()
    _linger_bytes = 0
    _stalled_at = -1  # how much had been sent when the time for a write began to count
    _tells_truth_by_reset = False  # a body is under way that only the connection's end delimits

    def __init__(self, server: HTTPListener, sock: Any, addr: Any) -> None:
        # asyncore's constructor would ask the system for what the listener has just told us.
        self._map = server.lifetime.map
        self._fileno = None
        self.server = server
        self.limits = server.limits
        self.addr = addr
        self.connected = True
        self._replies: list[tuple[Request, bytes, bytes]] = []  # head and body of each
        self.expire_at(server.lifetime.poller.now + self.limits.keep_alive)
        self.set_socket(sock)
        server.channel_opened(self)

    def lifetime_of(self) -> Lifetime:
        """The listener's Lifetime."""
        return self.server.lifetime

    # Input

    def handle_read_event(self) -> None:
        """Something has come."""
        self.handle_read()

    def handle_write_event(self) -> None:
        """There is room to send."""
        self.handle_write()

    def received(self, data: bytes) -> None:
        """Take newly read bytes."""
        if self._final:
            self._discard(data)
            return
        self._input = self._input + data if self._input else data
        self.advance()

    def advance(self) -> None:
        """Go as far as the input allows: bodies, heads, handlers; then send what that gave."""
        if self.advancing:
            return
        self.advancing = True
        try:
            self._run()
        finally:
            self.advancing = False
        # Sent when everybody who is ready has been read: a client that waits on this machine is
        # then woken once for many answers, not once for each.
        self.server.lifetime.poller.at_end_of_turn(self._conclude)

    def _conclude(self) -> None:
        """Send what the turn has given; if only unsent output has kept us from more, go on."""
        if self.advancing:
            return
        self.advancing = True
        try:
            while self._flush() and self._input and self._can_go_on():
                self._run()
        finally:
            self.advancing = False
        self._settle()

    def _run(self) -> None:
        """Requests and pieces of bodies, one after the other, while nothing keeps us from it."""
        try:
            while self._input and not self._final and self.socket is not None:
                if not (self._take_body() if self._body is not None else self._take_head()):
                    return
        except ClientError as error:
            self._refuse(error)

    def _can_go_on(self) -> bool:
        """Was it only unsent output that has kept us from the next request?"""
        return (
            self.socket is not None
            and not self._final
            and not self.writable()
            and self.current_request is None
            and self._head_until == FOREVER
        )

    def _take_head(self) -> bool:
        """Begin the next request.  False: it must wait, or is not here yet."""
        if self.current_request is not None or self.ac_out_buffer or self._fifo:
            return False  # a peer that does not take its answers gets no new ones meanwhile
        if self._replies and (
            len(self._replies) >= MAX_AT_ONCE or len(self._replies[-1][2]) > LARGE
        ):
            return False  # what a deep pipeline asks for is sent now and then, not heaped up
        data = self._input
        known = self.server.heads.get(data)
        if known is not None:
            self._input = b""
            self._searched = 0
            self._head_until = FOREVER
            self._begin(known)
            return True
        end = find_head(data, self._searched, self.limits)
        if end < 0:
            self._searched = len(data)
            if self.input_ended:  # the rest of it will never come
                self._final = True
                self._input = b""
            elif self._head_until == FOREVER:
                self._head_until = self.server.lifetime.poller.now + self.limits.header_time
            return False
        self._searched = 0
        self._head_until = FOREVER
        self._input = data[end:]
        data = data[:end]
        head = parse_head(data, self.limits)
        self.server.remember(data, head)
        self._begin(head)
        return True

    def _begin(self, head: Head) -> None:
        self.requests += 1
        request = self.request_class(self, head, self.limits.body)
        self.current_request = request
        if head.chunked or head.length:
            self._expect_body(request)
        try:
            self.server.dispatch(request)
        except Exception as error:
            self._handler_failed(request, error)
            return
        if self._body is not None:
            self._offer_body(request)
        elif request.collector is not None:
            self._guarded(request, request.collector.found_terminator)

    # Bodies

    def _expect_body(self, request: Request) -> None:
        head = request.head
        self._reader = request
        self._collected = False
        self.terminator = HTTPChannel.terminator  # whatever the handler before has left there
        self._body_began = self.server.lifetime.poller.now
        if head.length:
            self._body = SizedBody(head.length)
        else:
            # The handler may ask for more than the limit; it is held to its own in _take_body.
            self._body = ChunkedBody(self.limits, 1 << 62)

    def _offer_body(self, request: Request) -> None:
        """The handler has seen the head: does it want the body, and may it come?"""
        if request.is_done:
            return
        length = request.head.length
        if length is not None and length > request.body_limit:
            raise ClientError(413, f"the body is larger than {request.body_limit} bytes")
        if request.head.expects_continue and request.collector is not None and not self._input:
            self._queue(CONTINUE)

    def _take_body(self) -> bool:
        body, request = self._body, self._reader
        assert body is not None and request is not None
        data, self._input = self._input, b""
        pieces, self._input = body.feed(data)
        if not request.is_done:
            if body.received > request.body_limit:
                raise ClientError(413, f"the body is larger than {request.body_limit} bytes")
            if pieces and request.collector is not None:
                self._guarded(request, self._collect, request, pieces)
        if body.complete:
            self._body = self._reader = None
            if request.is_done:
                self._drop_collector(request)
            elif request.collector is not None and not self._collected:
                self._guarded(request, request.collector.found_terminator)
        return True

    def _collect(self, request: Request, data: bytes) -> None:
        """Hand data to the collector, and keep the count if it has set a terminator of bytes."""
        while data and request.collector is not None and not self._collected:
            wanted = self.terminator
            if not isinstance(wanted, int) or wanted <= 0:
                request.collector.collect_incoming_data(data)
                return
            piece, data = data[:wanted], data[wanted:]
            self.terminator = wanted - len(piece)
            request.collector.collect_incoming_data(piece)
            if not self.terminator:
                self._collected = True
                request.collector.found_terminator()
                self._collected = not isinstance(self.terminator, int) or not self.terminator

    def _guarded(self, request: Request, call: Callable[..., object], *args: Any) -> None:
        """Call something of the handler's; what it raises costs this request a 500, no more."""
        try:
            call(*args)
        except Exception as error:
            self._handler_failed(request, error)

    def _handler_failed(self, request: Request, error: Exception) -> None:
        if isinstance(error, ExitNow):
            raise error
        if isinstance(error, ClientError):
            self._fail(request, error.status, error.reason)
            return
        self.server.exceptions += 1
        log.error("the handler of %s failed: %s", request, error, exc_info=error)
        self._fail(request, 500, None)

    def _fail(self, request: Request, status: int, reason: str | None) -> None:
        if request.is_done:
            return
        if request.head_sent:
            self.abort()  # the client must see that the answer is broken
            return
        request.close_asked = self._body is not None  # nobody will read it in step
        self._overrule(request, status, reason)

    def _overrule(self, request: Request, status: int, reason: str | None) -> None:
        """Answer in the handler's place; what the handler still says is not heard."""
        self._drop_collector(request)
        request.error(status, reason)
        request.overruled = True

    def _drop_collector(self, request: Request) -> None:
        collector: Any = request.collector
        request.collector = None
        if hasattr(collector, "close"):
            self._close_producer(collector)

    def _refuse(self, error: ClientError) -> None:
        """The peer broke the protocol: answer what is due, then this, and end."""
        log.info("%s: %s", self.shutdown_name, error)
        request = self._reader or self.current_request
        self._body = self._reader = None
        self._input = b""
        if request is not None and request.head_sent:
            self.abort()
            return
        if self.server.lifetime.phase is not Phase.RUNNING:
            self.server.lifetime.tally.refused += 1
        if request is None or request.is_done:
            self.current_request = None  # its answer, given in another thread, comes too late
            if request is not None:
                self._drop_collector(request)
            self._final = True
            self._queue(self.server.refusal(error, self))
            return
        request.close_asked = True
        self._overrule(request, error.status, error.reason)

    def handle_end_of_input(self) -> None:
        """The peer sends no more.  What it has asked for completely is answered, then we close."""
        if self._lingering:
            self.close()
        elif self._body is not None:
            self.abort(by_us=False)  # never handed to a handler as complete
        elif self.current_request is None and not self.writable():
            self.close()
        elif self._final or (self.current_request is None and not self._input):
            self._finish_when_sent()

    # Output

    def push(self, data: bytes | str) -> None:
        """Send data that is no answer, behind the answers of this turn."""
        self._queue_replies()
        super().push(data)

    def push_with_producer(self, producer: Producer) -> None:
        """The same for a producer."""
        self._queue_replies()
        super().push_with_producer(producer)

    def close_when_done(self) -> None:
        """End the connection behind what was answered and pushed so far."""
        self._queue_replies()
        super().close_when_done()

    def call_in_loop(self, call: Callable[..., object], *args: Any) -> None:
        """Call it now if this is the loop's thread, else as soon as the loop gets to it."""
        thread = self.server.lifetime.thread
        if thread is None or thread == get_ident():
            call(*args)
        else:
            self.server.lifetime.call_soon_threadsafe(call, *args)

    def answer(self, request: Request) -> None:
        """Send the answer of a request that is done()."""
        if self.socket is None or request is not self.current_request:
            self._throw_away(request)  # the client is gone, or was refused meanwhile
            return
        try:
            if request.head_sent:
                self._end_streaming(request)
            else:
                self._send_reply(request)
        except ExitNow:
            raise
        except Exception as error:
            self.server.exceptions += 1
            known = isinstance(error, MisuseError)
            log.error("the answer to %s cannot be sent: %s", request, error, exc_info=not known)
            self._throw_away(request)
            request.is_done = False
            request.reply_headers.clear()
            request._more_headers = None
            self._overrule(request, 500, None)
            return
        self.current_request = None
        if not self.advancing:
            self.advance()

    def _send_reply(self, request: Request) -> None:
        preamble = self.server.preamble(request.reply_code)
        persistent = self._persists(request)
        outgoing = request.outgoing
        if persistent and len(outgoing) == 1 and type(outgoing[0]) is bytes:
            body = outgoing[0]
            head = compose_plain_head(request, preamble, len(body))
            if head is not None:
                self._replies.append((request, head, body))
                return
        reply = compose(request, preamble, persistent)
        items = reply.items
        if not reply.frame.persistent:
            self._final = True
            self._input = b""
        if len(items) == 2 and type(items[1]) is bytes:
            self._replies.append((request, items[0], items[1]))
        elif len(items) == 1:
            self._throw_away(request)
            self._replies.append((request, items[0], b""))
        else:
            self._tells_truth_by_reset |= reply.frame.coding is Coding.CLOSE
            self._queue_replies()
            fifo = self.producer_fifo
            fifo.append(items[0])
            fifo.append(Sent(partial(self._begun, request)))
            fifo.extend(items[1:])
            fifo.append(Sent(partial(self._streamed, request)))

    def _persists(self, request: Request) -> bool:
        """Whether the connection may go on behind this answer."""
        if not request.head.keep_alive:
            self._peer_asked_close = not self._input
            return False
        if request.close_asked or self._unread_body_is_too_long(request):
            return False
        if (
            self.server.lifetime.phase is Phase.RUNNING
            and self.requests < self.limits.requests_per_connection
            and not self.input_ended
        ):
            return True
        # It must end.  The last of the requests that are here already carries the announcement,
        # unless more and more of them come.
        return self.requests < 2 * self.limits.requests_per_connection and self._has_more_input()

    def _has_more_input(self) -> bool:
        if not self._input and not self.input_ended and self._body is None:
            with suppress(BlockingIOError):
                self._input = self.recv(self.ac_in_buffer_size)
        return bool(self._input)

    def _unread_body_is_too_long(self, request: Request) -> bool:
        body = self._body
        if body is None or body.complete:
            return False
        if isinstance(body, ChunkedBody) or request.head.expects_continue:
            return True
        return body.length - body.received > self.limits.linger_bytes

    def _queue(self, data: bytes) -> None:
        """Send some bytes that are not a whole answer."""
        self._queue_replies()
        self.producer_fifo.append(data)

    def _queue_replies(self) -> None:
        """Answers that wait for the end of this turn go into the queue, so that order is kept."""
        if self._replies:
            fifo = self.producer_fifo
            for request, head, body in self._replies:
                fifo.append(head)
                fifo.append(Sent(partial(self._begun, request)))
                fifo.append(body)
                fifo.append(Sent(partial(self._streamed, request)))
            self._replies = []

    def _flush(self) -> bool:
        """Send what this turn has given, in one call if it may be.  True if something was sent."""
        if self.socket is None:
            return False
        before = self.bytes_out
        try:
            if self._replies and not self.ac_out_buffer and not self._fifo:
                self._send_at_once()
            elif self._replies or self._fifo or self.ac_out_buffer:
                self._queue_replies()
                self.initiate_send()
        except Exception:
            self.handle_error()
            return False
        if self._final and not self._lingering:
            self._finish_when_sent()
        return self.bytes_out > before

    def _send_at_once(self) -> None:
        replies, self._replies = self._replies, []
        if len(replies) == 1:
            _, head, body = replies[0]
            if len(body) > LARGE and self.bypasses_send():
                length = len(head) + len(body)
                sent = self.send_parts(head, body)
                data = b"" if sent == length else head + body
            else:
                data = head + body
                length = len(data)
                sent = self.send(data)
        else:
            data = b"".join([part for reply in replies for part in reply[1:]])
            length = len(data)
            sent = self.send(data)
        if sent == length:
            self.bytes_out += sent
            for request, _, body in replies:
                request.bytes_sent = len(body)
                self.server.request_finished(request)
            return
        if self.socket is None:
            return
        end = 0
        for request, head, body in replies:
            began = self.bytes_out + end + len(head)
            end += len(head) + len(body)
            self._mark(end, partial(self._finished, request, began))
        self.producer_fifo.append(data[sent:])
        self.note_sent(sent)

    def _finished(self, request: Request, body_began: int, ended: int) -> None:
        """The last byte of an answer has left; both are places in what we have sent."""
        self._tells_truth_by_reset = False
        request.bytes_sent = ended - body_began
        self.server.request_finished(request)

    def _begun(self, request: Request, ended: int) -> None:
        """The head of an answer has left."""
        request.body_began = ended

    def _streamed(self, request: Request, ended: int) -> None:
        self._finished(request, request.body_began, ended)

    def output_advanced(self) -> None:
        """Some output has left, or more of it waits."""
        if self.advancing:
            return
        if self._input and not self.writable():
            self.advance()
        else:
            self._settle()

    def _throw_away(self, request: Request) -> None:
        for item in request.outgoing:
            if hasattr(item, "more"):
                self._close_producer(item)
        request.outgoing = []

    # Answers that come bit by bit

    def begin_streaming(self, request: Request) -> None:
        """Send the head, and what was pushed so far."""
        if request is not self.current_request or request.head_sent or self.socket is None:
            return
        reply: Reply = compose_head(
            request, self.server.preamble(request.reply_code), self._persists(request)
        )
        if self.socket is None:
            return  # the peer has gone, as we have just noticed
        request.head_sent = True
        request.close_asked = not reply.frame.persistent
        request.coding = reply.frame.coding
        self._tells_truth_by_reset = reply.frame.coding is Coding.CLOSE
        self._queue(reply.items[0])
        self.producer_fifo.append(Sent(partial(self._begun, request)))
        if reply.frame.coding is Coding.LENGTH:
            request.allowance = Allowance(declared_length(request.reply_headers))
        self._stream_outgoing(request)
        self._send_bit()

    def stream(self, request: Request, data: Any) -> None:
        """Send more of an answer whose head has left."""
        if request is self.current_request and self.socket is not None:
            self._stream_outgoing(request)
            self._stream(request, data)
            self._send_bit()
        elif hasattr(data, "more"):
            self._close_producer(data)

    def _stream_outgoing(self, request: Request) -> None:
        # Another thread may push while the head goes out, so the list stays the same one.
        while request.outgoing:
            self._stream(request, request.outgoing.pop(0))

    def _send_bit(self) -> None:
        if not self.advancing:
            self._flush()
            self._settle()

    def _stream(self, request: Request, data: Any) -> None:
        if request.coding is Coding.EMPTY:
            if hasattr(data, "more"):
                self._close_producer(data)
            return
        if data == b"":
            return
        if request.coding is Coding.CHUNKED:
            data = chunk(data) if isinstance(data, bytes) else ChunkedPart(data)
        elif request.allowance is not None:
            source = ListProducer([data]) if isinstance(data, bytes) else data
            data = Portion(source, request.allowance)
        self.producer_fifo.append(data)

    def _end_streaming(self, request: Request) -> None:
        self._stream_outgoing(request)
        if request.coding is Coding.CHUNKED:
            self.producer_fifo.append(chunk(b""))
        elif request.allowance is not None:
            self.producer_fifo.append(request.allowance)
        self.producer_fifo.append(Sent(partial(self._streamed, request)))
        if request.close_asked:
            self._final = True
            self._input = b""

    # Deadlines

    def _settle(self) -> None:
        """What do we wait for, and until when?"""
        now = self.server.lifetime.poller.now
        limits = self.limits
        if (
            self._watched is IDLE
            and self.socket is not None
            and not (
                self._input
                or self.current_request
                or self._body
                or self._final
                or self._fifo
                or self.ac_out_buffer
            )
        ):
            # Between two requests, where nearly every turn ends.
            self.deadline = when = now + limits.keep_alive
            if when < self._alarm_at:
                self._set_alarm(when)
            return
        if self.socket is None or self._lingering:
            return
        if self.ac_out_buffer or self._fifo:
            # Only bytes that it takes keep a peer alive, not bytes that it sends.
            if self._stalled_at == self.bytes_out:
                when = self.deadline
            else:
                self._stalled_at = self.bytes_out
                when = now + limits.write_stall
        elif self._body is not None:
            when = now + limits.body_idle_time
            elapsed = now - self._body_began
            due = elapsed * limits.body_rate if elapsed > limits.body_rate_after else 0
            if self._body.received < due:
                when = now
        elif self._head_until != FOREVER:
            when = self._head_until
        elif self.current_request is not None:
            when = FOREVER
        else:
            when = now + limits.keep_alive
        self.deadline = when
        if when < self._alarm_at:
            self._set_alarm(when)
        watched = self.readable(), self.writable()
        if watched != self._watched:
            self._watched = IDLE if watched == IDLE else watched
            self.changed()

    def handle_timeout(self) -> None:
        """What we waited for has not come."""
        request = self.current_request or self._reader
        if self.ac_out_buffer or self._fifo:
            self.abort()
        elif (
            self._lingering
            or (request is None and self._head_until == FOREVER)
            or (request is not None and request.is_done)  # it was answered without its body
        ):
            self.close()
        else:
            self._refuse(ClientError(408, "the request took too long to arrive"))
            self._send_bit()

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for input: not while enough of it waits for us."""
        if self.input_ended:
            return False
        if self._final:
            return True
        if self._body is not None:
            return not self._is_behind()
        # A head has a limit of its own.
        return len(self._input) < self.limits.unparsed or self._head_until != FOREVER

    def _is_behind(self) -> bool:
        """Does so much output wait that more input, which may become output, must not come?"""
        waiting = sum(len(each) for each in self._fifo or () if isinstance(each, bytes))
        return len(self.ac_out_buffer) + waiting > self.limits.output_high

    @event_driven
    def writable(self) -> bool:
        """Whether output waits."""
        return bool(self.ac_out_buffer or self._fifo)

    # The end

    def _finish_when_sent(self) -> None:
        if not self.writable():
            self.handle_all_sent()
        elif not self._closing:
            self._closing = True
            self.producer_fifo.append(None)

    def handle_all_sent(self) -> None:
        """The last answer has left.  Now the peer hangs up, for we have told it to.

        Closing at once could destroy the answer: bytes that come in later make the system send a
        reset, and that overtakes what the peer has not read yet (RFC 9112, section 9.6).
        """
        if self.socket is None or self._lingering:
            return
        if self.input_ended or (self._peer_asked_close and self._body is None):
            self.close()
            return
        self._lingering = self._final = True
        self._input = b""
        if self._reader is not None:  # nobody wants the rest of its body
            self._drop_collector(self._reader)
        self._body = self._reader = None
        self._linger_bytes = self.limits.linger_bytes
        self.say_goodbye()
        if self.socket is not None:
            self.expire_at(self.server.lifetime.poller.now + self.limits.linger_time)
            self.changed()

    def _discard(self, data: bytes) -> None:
        """Input behind the last request: read so that the peer can end in peace."""
        if self._lingering:
            self._linger_bytes -= len(data)
            if self._linger_bytes <= 0:
                self.close()

    @property
    def working(self) -> bool:
        """Whether a request has begun to come, or its answer is not complete."""
        return (
            self.current_request is not None
            or self._body is not None
            or bool(self._input)
            or bool(self._replies)
        )

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: finish, then close; and give a quiet connection a moment.

        The answer before may have been sent without an announcement, so the next request may be
        on its way: closing at once would lose it.
        """
        if phase < Phase.DRAINING or self.socket is None:
            return None
        now = self.server.lifetime.clock()
        if self._lingering:
            lingers_since = self.deadline - self.limits.linger_time
            remaining = lingers_since + self.server.linger_time() - now
            if remaining > 0:
                return Veto(self.occupation(), remaining)
            self.close()
            return None
        if self.working or self.writable():
            return Veto(self.occupation())
        quiet_since = self.deadline - self.limits.keep_alive
        remaining = quiet_since + self.server.quiet_time() - now
        if remaining > 0:
            return Veto("kept open for a request that may be on its way", remaining)
        self.handle_read()  # a last look
        if self.socket is not None and (self.working or self.writable() or self._lingering):
            return Veto(self.occupation())
        self.close()
        return None

    def occupation(self) -> str:
        """What keeps us busy, in a few words for the operator."""
        if self.current_request is not None:
            return f"answering {self.current_request}"
        if self.writable():
            return "sending an answer"
        if self._lingering:
            return "waiting for the peer to hang up"
        return "a request is coming in"

    @property
    def shutdown_name(self) -> str:
        """The peer, as logs and reports call it."""
        if isinstance(self.addr, tuple) and len(self.addr) >= 2:
            return f"HTTP {self.addr[0]}:{self.addr[1]}"
        return f"HTTP {self.addr or 'over a Unix socket'}"

    def handle_error(self) -> None:
        """Something failed in our own code: this connection ends, nobody else's."""
        log.exception("%s failed", self.shutdown_name)
        if self.ac_out_buffer and self.socket is not None:
            self.send(self.ac_out_buffer)  # the answers before the one that failed
        self.abort()

    def abort(self, by_us: bool = True) -> None:
        """End the connection although something is owed, in a way that shows it.

        by_us: we cut it off, not the peer.
        """
        if self.socket is None:
            return
        if self.current_request is not None or self.writable() or self._body is not None:
            if by_us and self.server.lifetime.phase is not Phase.RUNNING:
                self.server.lifetime.tally.cut += 1
            if self._tells_truth_by_reset:
                # A clean end would look like a complete answer.
                self.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
                )
        self.close()

    def close(self) -> None:
        """Close the socket, and whatever the current request holds."""
        if self.socket is None:
            return
        request, self.current_request = self.current_request or self._reader, None
        if request is not None:
            self._throw_away(request)
            self._drop_collector(request)
        super().close()
        self.server.channel_closed(self)


class ChunkedPart:
    """One producer among the pushes of a streamed answer: chunks, but not the last one."""

    def __init__(self, producer: Any) -> None:
        self.producer = producer

    def more(self) -> bytes:
        """The next chunk, b"" at the end of this part."""
        data = self.producer.more()
        if isinstance(data, str):
            data = data.encode("utf-8")
        return chunk(data) if data else b""

    def close(self) -> None:
        """Release what the inner producer holds."""
        release = getattr(self.producer, "close", None)
        if release is not None:
            release()

