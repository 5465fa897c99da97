"""CollectingChannel: how the bodies of one connection's requests reach their handlers.

A handler sees the head first, and says by setting a collector that it wants the body; what comes is
handed on as it comes.  Whatever a handler raises, at its head or in its collector, costs its own
request, nobody else's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from lifetime import ExitNow
from lifetime.poller import Poller
from servers.http.answering import AnsweringChannel
from servers.http.body import ChunkedBody, SizedBody
from servers.http.errors import ClientError
from servers.http.limits import Limits
from servers.http.parser import HEAD_END
from servers.http.reply import CONTINUE
from servers.http.request import Request

log = logging.getLogger("servers")


class CollectingChannel(AnsweringChannel):
    """The half of an HTTPChannel that hands on bodies, and stands in for handlers that fail."""

    poller: Poller
    limits: Limits

    _body: SizedBody | ChunkedBody | None = None  # what is still to come of a request
    _reader: Request | None = None  # the request whose body that is
    _collected = False  # its collector has been told of the end
    _body_began = 0.0

    # What the other half knows

    def abort(self, by_us: bool = True) -> None:
        """End the connection although something is owed, in a way that shows it."""
        raise NotImplementedError

    # Bodies

    def _expect_body(self, request: Request) -> None:
        head = request.head
        self._reader = request
        self._collected = False
        self.terminator = HEAD_END  # whatever the handler before has left there
        self._body_began = self.poller.now
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
        if request.head.expects_continue and request.collector is not None and not self.unread:
            self.enqueue(CONTINUE)

    def _take_body(self) -> bool:
        body, request = self._body, self._reader
        assert body is not None and request is not None
        data, self.unread = self.unread, b""
        pieces, self.unread = body.feed(data)
        if not request.is_done:
            if body.received > request.body_limit:
                raise ClientError(413, f"the body is larger than {request.body_limit} bytes")
            if pieces and request.collector is not None:
                self.guarded(request, self._collect, request, pieces)
        if body.complete:
            self._body = self._reader = None
            self._end_collecting(request)
        return True

    def take_parcel(self, request: Request, body: bytes) -> None:
        """Of a body that has come with its head nothing was ever awaited."""
        if not request.is_done:
            self._offer_body(request)
            if request.collector is not None:
                self._collected = False
                self.guarded(request, self._collect, request, body)
        self._end_collecting(request)

    def hold_back(self, request: Request, body: bytes) -> None:
        """Somebody has failed, so the body is awaited like any other."""
        self._expect_body(request)
        self.unread = body

    def _end_collecting(self, request: Request) -> None:
        if request.is_done:
            self._drop_collector(request)
        elif request.collector is not None and not self._collected:
            self.guarded(request, request.collector.found_terminator)

    def _collect(self, request: Request, data: bytes) -> None:
        """Hand data to the collector, and keep the count if it has set a terminator of bytes."""
        while data and request.collector is not None and not self._collected:
            wanted = self.terminator
            if not isinstance(wanted, int) or wanted <= 0:
                request.collector.collect_incoming_data(data)
                return
            if wanted == len(data):  # slices would be the same, but slower
                piece, data, self.terminator = data, b"", 0
            else:
                piece, data = data[:wanted], data[wanted:]
                self.terminator = wanted - len(piece)
            request.collector.collect_incoming_data(piece)
            if not self.terminator:
                self._collected = True
                request.collector.found_terminator()
                self._collected = not isinstance(self.terminator, int) or not self.terminator

    # Handlers that fail

    def guarded(self, request: Request, call: Callable[..., object], *args: Any) -> None:
        """Call something of the handler's; what it raises costs this request a 500, no more."""
        try:
            call(*args)
        except Exception as error:
            self.handler_failed(request, error)

    def handler_failed(self, request: Request, error: Exception) -> None:
        """It has raised this: a ClientError is its answer, anything else a 500."""
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
        # Nobody will read in step what is still to come of it.
        request.close_asked = self._body is not None and not self._body.complete
        self.overrule(request, status, reason)

    def overrule(self, request: Request, status: int, reason: str | None) -> None:
        """Answer in the handler's place; what the handler still says is not heard."""
        self._drop_collector(request)
        request.error(status, reason)
        request.overruled = True

    def _drop_collector(self, request: Request) -> None:
        collector: Any = request.collector
        if collector is not None:
            request.collector = None
            if hasattr(collector, "close"):
                self._close_producer(collector)
