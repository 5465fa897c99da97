"""HTTPChannel: one client's connection.

Requests are read one after the other, and the next is looked at only when the one before has its
answer; so answers keep their order, whoever gives them and when.  Answers to pipelined requests
leave together.  The end of a connection is announced with the last answer that it will carry, and
then taken slowly: flush, say that we send no more, read on until the peer hangs up.
"""

from __future__ import annotations

import logging
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lifetime import Lifetime, Phase, Veto, event_driven
from lifetime.poller import Poller
from servers.channel import FOREVER
from servers.http.body import ChunkedBody, SizedBody
from servers.http.errors import ClientError
from servers.http.express import IDLE, ExpressLane
from servers.http.parser import HEAD_END, Head, find_head, parse_head
from servers.http.request import Request
from servers.overriding import passed_by
from servers.producers import FileShrank

if TYPE_CHECKING:
    from servers.http.listener import HTTPListener

log = logging.getLogger("servers")

RUNNING = Phase.RUNNING  # looked up once: up to Python 3.11 an enum takes its time


class HTTPChannel(ExpressLane):
    """One connection to an HTTPListener.

    server: the listener; sock: connected, non-blocking; addr: the peer's address.
    current_request: the request whose answer is awaited, or None.
    """

    poller: Poller
    terminator = HEAD_END

    _searched = 0  # so much of it was searched for the end of a head
    _head_until = FOREVER  # when a head that has begun must be complete
    _peer_asked_close = False
    _linger_bytes = 0
    _behind = False  # reading a body waits until `output_low` is reached
    _stalled_at = -1  # how much had been sent when the time for a write began to count

    def __init__(self, server: HTTPListener, sock: Any, addr: Any) -> None:
        # asyncore's constructor would ask the system for what the listener has just told us.
        self._map = server.lifetime.map
        self._fileno = None
        self.server = server
        self.limits = server.limits
        self._heads = server.heads
        self._lifetime = server.lifetime
        self.addr = addr
        self.connected = True
        self.expire_at(server.lifetime.poller.now + self.limits.keep_alive)
        self.set_socket(sock)
        server.channel_opened(self)

    def lifetime_of(self) -> Lifetime:
        """The listener's Lifetime."""
        return self.server.lifetime

    # Input

    def handle_write_event(self) -> None:
        """There is room to send."""
        self.handle_write()

    def received(self, data: bytes) -> None:
        """Take newly read bytes."""
        if self.final:
            self._discard(data)
            return
        self.unread = self.unread + data if self.unread else data
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
        if self.final:
            # Whether more input is here was looked at just now: what we say of it must not age.
            self.conclude()
        else:
            # Sent when everybody who is ready has been read: a client that waits on this machine
            # is then woken once for many answers, not once for each.
            self.poller.at_end_of_turn(self.conclude)

    def conclude(self) -> None:
        """Send what the turn has given; if only unsent output has kept us from more, go on."""
        if self.advancing:
            return
        self.advancing = True
        try:
            while self.flush() and self.unread and self._can_go_on():
                self._run()
        finally:
            self.advancing = False
        self.settle()

    def _run(self) -> None:
        """Requests and pieces of bodies, one after the other, while nothing keeps us from it."""
        try:
            while self.unread and not self.final and self.socket is not None:
                if not (self._take_body() if self._body is not None else self._take_head()):
                    return
        except ClientError as error:
            self.refuse(error)

    def _can_go_on(self) -> bool:
        """Was it only unsent output that has kept us from the next request?"""
        return (
            self.socket is not None
            and not self.final
            and not self.writable()
            and self.current_request is None
            and self._head_until == FOREVER
        )

    def _take_head(self) -> bool:
        """Begin the next request.  False: it must wait, or is not here yet."""
        if self.current_request is not None or self.ac_out_buffer or self._fifo:
            return False  # a peer that does not take its answers gets no new ones meanwhile
        if self.replies and self.has_a_load():
            return False  # what a deep pipeline asks for is sent now and then, not heaped up
        head = self._read_head()
        if head is None:
            return False
        self._searched = 0
        self._head_until = FOREVER
        self.requests += 1
        request = self.current_request = self.request_class(self, head, self.limits.body)
        if head.chunked or head.length:
            self._expect_body(request)
        try:
            self.server.dispatch(request)
        except Exception as error:
            self.handler_failed(request, error)
            return True
        if self._body is not None:
            self._offer_body(request)
        elif request.collector is not None:
            self.guarded(request, request.collector.found_terminator)
        return True

    def _read_head(self) -> Head | None:
        """Take a head off the input and read it.  None: it is not here yet."""
        data, seen = self.unread, self._searched
        end = data.find(HEAD_END, seen - 3 if seen > 3 else 0) + len(HEAD_END)
        head = self.server.heads.get(data[:end])  # clients say the same again and again
        if head is not None:
            self.unread = data[end:]
            return head
        end = find_head(data, seen, self.limits)
        if end < 0:
            self._searched = len(data)
            if self.input_ended:  # the rest of it will never come
                self.final = True
                self.unread = b""
            elif self._head_until == FOREVER:
                self._head_until = self.poller.now + self.limits.header_time
            return None
        self.unread = data[end:]
        data = data[:end]
        head = parse_head(data, self.limits)
        self.server.remember(data, head)
        return head

    def refuse(self, error: ClientError) -> None:
        """The peer broke the protocol: answer what is due, then this, and end."""
        log.info("%s: %s", self.shutdown_name, error)
        request = self._reader or self.current_request
        self._body = self._reader = None
        self.unread = b""
        if request is not None and request.head_sent:
            self.abort()
            return
        if self.server.lifetime.phase is not Phase.RUNNING:
            self.server.lifetime.tally.refused += 1
        if request is None or request.is_done:
            self.current_request = None  # its answer, given in another thread, comes too late
            if request is not None:
                self._drop_collector(request)
            self.final = True
            self.enqueue(self.server.refusal(error, self))
            return
        request.close_asked = True
        self.overrule(request, error.status, error.reason)

    def handle_end_of_input(self) -> None:
        """The peer sends no more.  What it has asked for completely is answered, then we close."""
        if self.lingering:
            self.close()
        elif self._body is not None:
            self.abort(by_us=False)  # never handed to a handler as complete
        elif self.current_request is None and not self.writable():
            self.close()
        elif self.final or (self.current_request is None and not self.unread):
            self.finish_when_sent()

    # The connection behind an answer

    def persists(self, request: Request) -> bool:
        """Whether the connection may go on behind this answer."""
        if not request.head.keep_alive:
            self._peer_asked_close = not self.unread
            return False
        if request.close_asked or (
            self._body is not None and self._unread_body_is_too_long(request, self._body)
        ):
            return False
        if (
            self.server.lifetime.phase is RUNNING
            and self.requests < self.limits.requests_per_connection
            and not self.input_ended
        ):
            return True
        # It must end.  The last of the requests that are here already carries the announcement,
        # unless more and more of them come.
        return self.requests < 2 * self.limits.requests_per_connection and self._has_more_input()

    def _has_more_input(self) -> bool:
        """Whether anything has come behind the current request."""
        if isinstance(self._body, SizedBody):  # what is unread begins with the rest of its body
            return len(self.unread) > self._body.length - self._body.received
        if not self.unread and not self.input_ended and self._body is None:
            with suppress(BlockingIOError):
                self.unread = self.recv(self.ac_in_buffer_size)
        return bool(self.unread)

    def _unread_body_is_too_long(self, request: Request, body: SizedBody | ChunkedBody) -> bool:
        if body.complete:
            return False
        if isinstance(body, ChunkedBody) or request.head.expects_continue:
            return True
        return body.length - body.received > self.limits.linger_bytes

    def output_advanced(self) -> None:
        """Some output has left, or more of it waits."""
        if self.advancing:
            return
        if self.unread and not self.writable():
            self.advance()
        else:
            self.settle()

    # Deadlines

    def settle(self) -> None:
        """What do we wait for, and until when?"""
        now = self.poller.now
        limits = self.limits
        if (
            self._watched is IDLE
            and self.socket is not None
            and not (
                self.unread
                or self.current_request
                or self._body
                or self.final
                or self._fifo
                or self.ac_out_buffer
            )
        ):
            # Between two requests, where nearly every turn ends.
            self.deadline = when = now + limits.keep_alive
            if when < self._alarm_at:
                self._set_alarm(when)
            return
        if self.socket is None or self.lingering:
            return
        if self.drained is not None:
            self.tell_if_drained()
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
            self.lingering
            or (request is None and self._head_until == FOREVER)
            or (request is not None and request.is_done)  # it was answered without its body
        ):
            self.close()
        else:
            self.refuse(ClientError(408, "the request took too long to arrive"))
            self._send_bit()

    @event_driven
    def readable(self) -> bool:
        """Whether to wait for input: not while enough of it waits for us."""
        if self.input_ended:
            return False
        if self.final:
            return True
        if self._body is not None:
            return not self._is_behind()
        # A head has a limit of its own.
        return len(self.unread) < self.limits.unparsed or self._head_until != FOREVER

    def _is_behind(self) -> bool:
        """Does so much output wait that more input, which may become output, must not come?"""
        bound = self.limits.output_low if self._behind else self.limits.output_high
        self._behind = self.backlog > bound
        return self._behind

    @event_driven
    def writable(self) -> bool:
        """Whether output waits."""
        return bool(self.ac_out_buffer or self._fifo)

    # The end

    def finish_when_sent(self) -> None:
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
        if self.socket is None or self.lingering:
            return
        if self.input_ended or (self._peer_asked_close and self._body is None):
            self.close()
            return
        self.lingering = self.final = True
        self.unread = b""
        if self._reader is not None:  # nobody wants the rest of its body
            self._drop_collector(self._reader)
        self._body = self._reader = None
        self._linger_bytes = self.limits.linger_bytes
        self.say_goodbye()
        if self.socket is not None:
            self.expire_at(self.poller.now + self.limits.linger_time)
            self.changed()

    def _discard(self, data: bytes) -> None:
        """Input behind the last request: read so that the peer can end in peace."""
        if self.lingering:
            self._linger_bytes -= len(data)
            if self._linger_bytes <= 0:
                self.close()

    @property
    def working(self) -> bool:
        """Whether a request has begun to come, or its answer is not complete."""
        return (
            self.current_request is not None
            or self._body is not None
            or bool(self.unread)
            or bool(self.replies)
        )

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 3: finish, then close; and give a quiet connection a moment.

        The answer before may have been sent without an announcement, so the next request may be
        on its way: closing at once would lose it.
        """
        if phase < Phase.DRAINING or self.socket is None:
            return None
        now = self.server.lifetime.clock()
        if self.lingering:
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
        known = self.bytes_in
        self.handle_read()  # a last look
        if self.socket is None:
            return None
        if self.working or self.writable() or self.lingering:
            return Veto(self.occupation())
        if self.bytes_in > known:  # answered by now, and perhaps without an announcement
            return Veto("kept open for a request that may be on its way", self.server.quiet_time())
        self.close()
        return None

    def occupation(self) -> str:
        """What keeps us busy, in a few words for the operator."""
        if self.current_request is not None:
            gone = ", whose client sends no more" if self.input_ended else ""
            return f"answering {self.current_request}{gone}"
        if self.writable():
            return "sending an answer"
        if self.lingering:
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
        error = sys.exc_info()[1]
        if isinstance(error, FileShrank):  # somebody else's doing, and nothing of ours to mend
            log.warning("%s: %s", self.shutdown_name, error)
        else:
            log.error("%s failed: %s", self.shutdown_name, error, exc_info=error)
        if self.ac_out_buffer and self.socket is not None:
            self.note_sent(self.send(self.ac_out_buffer))  # the answers before the one that failed
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
            if self.tells_truth_by_reset:
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
            self.throw_away(request)
            self._drop_collector(request)
        super().close()
        self.server.channel_closed(self)


passed_by(
    HTTPChannel,
    (
        "handle_read",
        "received",
        "advance",
        "_run",
        "_take_head",
        "_read_head",
        "_expect_body",
        "_take_body",
        "conclude",
        "flush",
        "_send_at_once",
        "persists",
        "settle",
    ),
)
