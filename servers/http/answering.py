"""AnsweringChannel: how the answers of one connection leave.

Answers that are all bytes wait for the end of the turn and leave in one call; everything else goes
through the channel's queue, in order.  What a connection is asked, and whether it goes on behind an
answer, is known to HTTPChannel alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from lifetime import ExitNow
from servers.channel import Channel, Sent
from servers.http.errors import MisuseError
from servers.http.framing import Allowance, Coding, Portion, chunk, declared_length
from servers.http.reply import (
    Answered,
    Framing,
    Reply,
    compose,
    compose_head,
    compose_plain_head,
)
from servers.http.request import Request
from servers.producers import ListProducer, Producer, in_memory

if TYPE_CHECKING:
    from servers.http.listener import HTTPListener

log = logging.getLogger("servers")

#: A body above this (bytes) is handed to the system beside its head, not copied behind it.
LARGE = 16384

#: Answers to pipelined requests that leave together, at most.
MAX_AT_ONCE = 32


class AnsweringChannel(Channel):
    """The sending half of an HTTPChannel.

    server: the listener.
    current_request: the request whose answer is awaited, or None.
    replies: answers of this turn, head and body of each.
    advancing: input is being looked at, and handlers are being called.
    final: no further request is looked at.
    unread: input that was not looked at yet.
    """

    server: HTTPListener
    replies: list[tuple[Request, bytes, bytes]]
    current_request: Request | None = None
    advancing = False
    final = False
    lingering = False
    unread: bytes = b""
    tells_truth_by_reset = False  # a body is under way that only the connection's end delimits

    drained: Callable[[], object] | None = None  # told once when little output waits

    framing: Framing | None = None  # how answers are framed, if not as in HTTP

    # What the other half knows

    def persists(self, request: Request) -> bool:
        """Whether the connection may go on behind this answer."""
        raise NotImplementedError

    def advance(self) -> None:
        """Look at the input that waits."""
        raise NotImplementedError

    def settle(self) -> None:
        """Set the deadline, and say what the poll is to wait for."""
        raise NotImplementedError

    def finish_when_sent(self) -> None:
        """End the connection once everything has left."""
        raise NotImplementedError

    def guarded(self, request: Request, call: Callable[..., object], *args: Any) -> None:
        """Call something of the handler's; what it raises costs this request, nobody else."""
        raise NotImplementedError

    def overrule(self, request: Request, status: int, reason: str | None) -> None:
        """Answer in the handler's place."""
        raise NotImplementedError

    # Whole answers

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
            self.throw_away(request)  # the client is gone, or was refused meanwhile
            return
        try:
            if request.head_sent:
                self._end_streaming(request)
            else:
                preamble = self.server.preamble(request.reply_code)
                persistent = self.persists(request)
                outgoing = request.outgoing
                head: bytes | None = None
                if (
                    len(outgoing) == 1
                    and type(outgoing[0]) is bytes
                    and (persistent or self.framing is None)
                ):
                    body: bytes = outgoing[0]
                    last: Answered | None = request.head.answered
                    if (
                        last is not None
                        and last.preamble is preamble
                        and last.length == len(body)
                        and last.persistent is persistent
                        # They are equal whatever their order, which "is not significant" (RFC
                        # 9110, section 5.3); and comparing is cheaper than making a key.
                        and last.headers == request.reply_headers
                        and request._more_headers is None
                    ):
                        head = last.head
                    else:
                        head = compose_plain_head(request, preamble, len(body), persistent)
                if head is not None:
                    if not persistent:
                        self.final = True
                        self.unread = b""
                    self.replies.append((request, head, body))
                else:
                    self._send_reply(request, compose(request, preamble, persistent, self.framing))
        except ExitNow:
            raise
        except Exception as error:
            self.server.exceptions += 1
            known = isinstance(error, MisuseError)
            log.error("the answer to %s cannot be sent: %s", request, error, exc_info=not known)
            self.throw_away(request)
            request.is_done = False
            request.reply_headers.clear()
            request._more_headers = None
            self.overrule(request, 500, None)
            return
        self.current_request = None
        if not self.advancing:
            self.advance()

    def _send_reply(self, request: Request, reply: Reply) -> None:
        items = reply.items
        if not reply.frame.persistent:
            self.final = True
            self.unread = b""
        if len(items) == 2 and type(items[1]) is bytes:
            self.replies.append((request, items[0], items[1]))
        elif len(items) == 1:
            self.throw_away(request)
            self.replies.append((request, items[0], b""))
        else:
            self.tells_truth_by_reset |= reply.frame.coding is Coding.CLOSE
            self._queue_replies()
            self.add_head(request, items[0])
            for item in items[1:]:
                self.add_part(request, item)
            self.end_answer(request)

    # An answer in the queue, bit by bit; FastCGI makes records of it.

    def add_head(self, request: Request, head: bytes) -> None:
        """Begin an answer."""
        self.producer_fifo.append(head)
        self.producer_fifo.append(Sent(partial(self._begun, request)))

    def add_part(self, request: Request, part: Any) -> None:
        """Go on with its body: bytes, or a producer."""
        self.producer_fifo.append(part)

    def end_answer(self, request: Request) -> None:
        """It is complete."""
        self.producer_fifo.append(Sent(partial(self._streamed, request)))

    def enqueue(self, data: bytes) -> None:
        """Send some bytes that are not a whole answer."""
        self._queue_replies()
        self.producer_fifo.append(data)

    def _queue_replies(self) -> None:
        """Answers that wait for the end of this turn go into the queue, so that order is kept."""
        if self.replies:
            replies, self.replies = self.replies, []
            for request, head, body in replies:
                self.add_head(request, head)
                self.add_part(request, body)
                self.end_answer(request)

    def has_a_load(self) -> bool:
        """Whether the answers of this turn are worth a call of their own."""
        return len(self.replies) >= MAX_AT_ONCE or len(self.replies[-1][2]) > LARGE

    def flush(self) -> bool:
        """Send what this turn has given, in one call if it may be.  True if that went on."""
        if self.socket is None:
            return False
        before = self.bytes_out
        waited = bool(self._fifo)
        try:
            if self.replies and not self.ac_out_buffer and not self._fifo:
                self._send_at_once()
            elif self.replies or self._fifo or self.ac_out_buffer:
                self._queue_replies()
                self.initiate_send()
        except Exception:
            self.handle_error()
            return False
        if self.final and not self.lingering:
            self.finish_when_sent()
        # An answer without a body may end without a byte: then only its mark was taken off.
        return self.bytes_out > before or (waited and not self._fifo)

    def _send_at_once(self) -> None:
        replies, self.replies = self.replies, []
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
        else:
            self.sent_in_part(replies, data, sent)

    def sent_in_part(
        self, replies: list[tuple[Request, bytes, bytes]], data: bytes, sent: int
    ) -> None:
        """The socket took no more than this of the answers: the rest waits in the queue."""
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
        self.tells_truth_by_reset = False
        request.bytes_sent = ended - body_began
        self.server.request_finished(request)

    def _begun(self, request: Request, ended: int) -> None:
        """The head of an answer has left."""
        request.body_began = ended

    def _streamed(self, request: Request, ended: int) -> None:
        self._finished(request, request.body_began, ended)

    # How much waits

    @property
    def backlog(self) -> int:
        """Bytes of output that wait; what a producer has yet to make is not among them."""
        return len(self.ac_out_buffer) + sum(map(in_memory, self._fifo or ()))

    def await_drain(self, callback: Callable[[], object]) -> None:
        """Call back once little output waits, from a turn of its own."""
        self.drained = callback
        self.server.lifetime.call_soon_threadsafe(self.tell_if_drained)

    def tell_if_drained(self) -> None:
        """Let the handler push more, if little enough waits."""
        if self.drained is not None and self.backlog <= self.server.limits.output_low:
            callback, self.drained = self.drained, None
            if self.current_request is not None:
                self.guarded(self.current_request, callback)

    def throw_away(self, request: Request) -> None:
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
            request,
            self.server.preamble(request.reply_code),
            self.persists(request),
            self.framing,
        )
        if self.socket is None:
            return  # the peer has gone, as we have just noticed
        request.head_sent = True
        request.close_asked = not reply.frame.persistent
        request.coding = reply.frame.coding
        self.tells_truth_by_reset = reply.frame.coding is Coding.CLOSE
        self._queue_replies()
        self.add_head(request, reply.items[0])
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
            self.flush()
            self.settle()

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
        self.add_part(request, data)

    def _end_streaming(self, request: Request) -> None:
        self._stream_outgoing(request)
        if request.coding is Coding.CHUNKED:
            self.add_part(request, chunk(b""))
        elif request.allowance is not None:
            self.add_part(request, request.allowance)
        self.end_answer(request)
        if request.close_asked:
            self.final = True
            self.unread = b""


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
