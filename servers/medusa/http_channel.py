"""medusa's http_channel: `servers.http`'s with the old habits.

Where `found_terminator`, `refill_buffer` or `collect_incoming_data` are another's, they are called
as medusa called them; else a request goes the engine's own fast way.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import Any

from lifetime import Dispatcher, ExitNow, event_driven
from servers.channel import FOREVER, Channel, Sent
from servers.http.channel import HTTPChannel
from servers.http.errors import ClientError
from servers.http.parser import Head, parse_head
from servers.http.reply import Reply
from servers.http.request import Request
from servers.medusa.counter import counter
from servers.medusa.fifo import fifo
from servers.medusa.http_request import http_request
from servers.medusa.of_the_socket import OfTheSocket
from servers.overriding import passed_by, replaceable

#: Seconds after which a producer that had nothing yet is asked again, if its channel has no delay.
ASK_AGAIN = 0.1


class http_channel(HTTPChannel, OfTheSocket):
    """One connection to an http_server.

    current_request: the request whose answer is awaited, or None.
    creation_time: whole seconds since 1970.
    in_buffer: the head of the request, as text, while an overridden `found_terminator` looks at it.
    delay: seconds to rest when the producers have nothing yet; some channels set it.
    """

    request_class: Any = http_request
    refill_buffer = replaceable(HTTPChannel.refill_buffer)
    server: Any
    channel_counter = counter()
    maintenance_interval = 500
    zombie_timeout: float = 30 * 60
    in_buffer: Any = ""
    head_at_hand: Head | None = None
    delay: Any = 0
    _nothing_yet = False

    def __init__(self, server: Any, conn: Any, addr: Any) -> None:
        self.channel_number = http_channel.channel_counter.increment()
        self.request_counter = counter()
        self.creation_time = int(time.time())
        if conn is None:  # made by hand, without a connection, by somebody's tests
            Channel.__init__(self)
            self.server, self.addr = server, addr
            return
        if conn.gettimeout() != 0:  # accepted by somebody else's handle_accept
            conn.setblocking(False)
        super().__init__(server, conn, addr)
        self.check_maintenance()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.channel_number} of {self.addr!r}>"

    # Old connections: the engine has deadlines of its own, so nothing is left to do mostly.

    def check_maintenance(self) -> None:
        """Call `maintenance` for each so many new channels."""
        if self.channel_number and not self.channel_number % self.maintenance_interval:
            self.maintenance()

    def maintenance(self) -> None:
        """Look for connections that nobody uses."""
        self.kill_zombies()

    def kill_zombies(self) -> None:
        """Close channels of this class that have been idle for `zombie_timeout` seconds."""
        now = int(time.time())
        for channel in list(self.server.channels):
            if (
                type(channel) is type(self)
                and channel is not self
                and now - channel.creation_time > channel.zombie_timeout
                and not channel.working
                and not channel.writable()
            ):
                channel.close()

    # Input

    @replaceable
    def found_terminator(self) -> None:
        """A head is complete: make a request of it and find its handler.

        The engine does so itself, unless this or `collect_incoming_data` is another's.
        """
        head, self.head_at_hand = self.head_at_hand, None
        if head is None:
            return
        text = self.in_buffer
        if isinstance(text, bytes):
            text = text.decode("latin-1")
        if text != _text_of(head):  # somebody has changed it on the way
            head = parse_head((text + "\r\n\r\n").encode("latin-1"), self.limits)
        self.in_buffer = ""
        request = self.request_class(self, head, self.limits.body)
        self.adopt(request)
        self.server.dispatch(request)

    @replaceable
    def collect_incoming_data(self, data: bytes) -> None:
        """Take a head."""
        self.in_buffer += data.decode("latin-1") if isinstance(self.in_buffer, str) else data

    def adopt(self, request: http_request) -> None:
        """A request was made of the head that has just been read: await its answer and its body."""
        if self.current_request is None:
            self.current_request = request
            if request.head.chunked or request.head.length:
                self._expect_body(request)

    def _take_head(self) -> bool:
        if self.as_written or not self._finds_heads_itself():
            return super()._take_head()
        return self._take_head_the_old_way()

    def _finds_heads_itself(self) -> bool:
        kind = type(self)
        return (
            kind.found_terminator is not _found_terminator
            or kind.collect_incoming_data is not _collect_incoming_data
            or "found_terminator" in self.__dict__
            or "collect_incoming_data" in self.__dict__
        )

    def _take_head_the_old_way(self) -> bool:
        if self.current_request is not None or self.writable() or self.replies:
            return False
        head = self._read_head()
        if head is None:
            return False
        self._searched = 0
        self._head_until = FOREVER
        self.requests += 1
        self.head_at_hand = head
        self.in_buffer = ""
        try:
            self.collect_incoming_data(_text_of(head).encode("latin-1"))
            self.found_terminator()
        except Exception as error:
            if self.current_request is None:
                raise  # nobody is there to be answered
            self.handler_failed(self.current_request, error)
        request = self.current_request
        if request is None and self._reader is not None:
            self._reader.is_done = True  # by a done() of its own; nobody wants its body
        elif request is not None and self._body is not None:
            self._offer_body(request)
        elif request is not None and request.collector is not None:
            self.guarded(request, request.collector.found_terminator)
        return True

    def handle_end_of_input(self) -> None:
        """The peer sends no more; a `handle_close` of somebody's own hears of it, as it did."""
        kind = type(self)
        if "handle_close" in self.__dict__ or kind.handle_close is not Dispatcher.handle_close:
            self.handle_close()
        else:
            super().handle_end_of_input()

    def handler_failed(self, request: Request, error: Exception) -> None:
        report = self.server.log_info
        if not isinstance(error, ExitNow | ClientError) and (
            getattr(report, "__func__", None) is not Dispatcher.log_info
        ):
            frame = traceback.extract_tb(error.__traceback__)[-1]
            report(
                f"Server Error: {type(error)}, {error}: file: {frame.filename} "
                f"line: {frame.lineno}",
                "error",
            )
        super().handler_failed(request, error)

    def overrule(self, request: Request, status: int, reason: str | None) -> None:
        """Answer in the handler's place, by the request's own `error(code)`."""
        self._drop_collector(request)
        request.error(status)
        request.overruled = True

    # Output

    def call_in_loop(self, call: Callable[..., object], *args: Any) -> None:
        """Call it in the loop's thread, also if the loop is not ours."""
        lifetime = self.server.lifetime
        request: Any = self.current_request
        if lifetime.thread is None and request is not None and request.thread != get_ident():
            lifetime.call_soon_threadsafe(call, *args)
        else:
            super().call_in_loop(call, *args)

    @property
    def producer_fifo(self) -> deque[Any]:
        """What is still to be sent, with the methods of a `fifo`."""
        if self._fifo is None:
            self._fifo = _OwnQueue(self) if self._refills_itself() else fifo()
        return self._fifo

    @producer_fifo.setter
    def producer_fifo(self, queue: deque[Any]) -> None:
        self._fifo = queue

    def _refills_itself(self) -> bool:
        return type(self).refill_buffer is not _refill_buffer or "refill_buffer" in self.__dict__

    def _send_at_once(self) -> None:
        if self.as_written or not self._refills_itself():
            super()._send_at_once()
        else:
            self._queue_replies()
            self.initiate_send()

    def initiate_send(self) -> None:
        """Send as much as the socket takes; if there is nothing yet, rest for a moment."""
        if not self._refills_itself():
            super().initiate_send()
            return
        while self.connected:
            if not self.ac_out_buffer:
                self.refill_buffer()
                if not self.ac_out_buffer:
                    break
            buffer = self.ac_out_buffer
            sent = self.send(buffer)
            if sent:
                self.ac_out_buffer = buffer[sent:]
                self.note_sent(sent)
            if sent < len(buffer):
                break
        if self._fifo and not self.ac_out_buffer and not self._nothing_yet:
            # A producer that has nothing must not keep the loop busy with asking.
            self._nothing_yet = True
            self.server.lifetime.call_later(float(self.delay or ASK_AGAIN), self._ask_again)
        self.output_advanced()

    def handle_timeout(self) -> None:
        """What we waited for has not come; a producer's silence is not the peer's fault."""
        if self._nothing_yet and not self.ac_out_buffer:
            self._stalled_at = -1  # the peer's time begins anew when there is something for it
            self.settle()
        else:
            super().handle_timeout()

    def _ask_again(self) -> None:
        self._nothing_yet = False
        if self.socket is not None:
            self.initiate_send()

    @event_driven
    def writable(self) -> bool:
        """Whether output waits that could be sent."""
        return bool(self.ac_out_buffer or (self._fifo and not self._nothing_yet))

    def _send_reply(self, request: Any, reply: Reply) -> None:
        if request.has_own_head():
            _adopt_fields(request, reply.items[0])
            reply.items[0] = request.build_reply_header()
            if isinstance(reply.items[0], str):
                reply.items[0] = reply.items[0].encode("latin-1")
        super()._send_reply(request, reply)

    def log(self, *args: Any) -> None:
        """Nothing, as it always was; `log_info` writes."""

    def close(self) -> None:
        """Close the connection, and add what it moved to the server's counters."""
        if self.socket is not None:
            self.server.channel_ends(self)
        super().close()


#: What the engine does itself as long as it is what a class has.
_found_terminator = http_channel.found_terminator
_collect_incoming_data = http_channel.collect_incoming_data
_refill_buffer = http_channel.refill_buffer

# The express lane does what these do, ours or HTTPChannel's, when nothing waits to be sent.
passed_by(
    http_channel,
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
        "found_terminator",
        "collect_incoming_data",
        "refill_buffer",
        "readable",
        "writable",
    ),
)


def _text_of(head: Head) -> str:
    return "\r\n".join([head.line, *head.lines])


def _adopt_fields(request: http_request, head: bytes) -> None:
    """Let the request have the fields that the engine would send, for its own way to say them."""
    _, *lines = head.decode("latin-1").split("\r\n")
    for line in lines:
        name, colon, value = line.partition(": ")
        if colon:
            request.reply_headers[name] = value


class _OwnQueue(fifo):
    """A queue for a `refill_buffer` that knows producers, bytes and None, but no `Sent`."""

    def __init__(self, channel: http_channel) -> None:
        super().__init__()
        self.channel = channel

    def append(self, item: Any) -> None:
        super().append(_Told(self.channel, item) if isinstance(item, Sent) else item)

    def extend(self, items: Any) -> None:
        for item in items:
            self.append(item)


class _Told(Sent):
    """The same as a producer that gives nothing; the engine's own refill_buffer() never asks it."""

    def __init__(self, channel: http_channel, mark: Sent) -> None:
        super().__init__(mark.callback)
        self.channel = channel

    def more(self) -> bytes:
        """Nothing."""
        self.channel._mark(0, self.callback)  # behind what is in the buffer already
        return b""
