"""Handlers of every kind, in the old style and in the new: what they do with a request.

`PAGES` is a table by path; a page is given the request and the site that it is on.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from servers.http.errors import ClientError
from servers.http.limits import Limits
from servers.medusa import producers
from servers.medusa.http_request import http_request
from servers.medusa.xmlrpc_handler import collector

Page = Callable[[Any, Any], object]

BODY = bytes(range(32, 127)) * 4000


def hello(request: Any, site: Any) -> None:
    body = "Hello\n"
    request["Content-Type"] = "text/plain"
    request["Content-Length"] = len(body)
    request.push(body)
    request.done()


def bare(request: Any, site: Any) -> None:
    request.push("bare")
    request.done()


def nothing(request: Any, site: Any) -> None:
    request.done()


def silent(request: Any, site: Any) -> None:
    """Never answers."""


def several(request: Any, site: Any) -> None:
    for each in ("one ", b"two ", "thr\xe9\xe9 ", b""):
        request.push(each)
    request.done()


def produce(request: Any, site: Any) -> None:
    request.push("first ")
    request.push(producers.lines_producer([f"line {n}" for n in range(60)]))
    request.push("last")
    request.done()


def one_producer(request: Any, site: Any) -> None:
    request["Content-Length"] = 600
    request.push(producers.simple_producer(BODY[:600], 100))
    request.done()


def sized(size: int) -> Page:
    def page(request: Any, site: Any) -> None:
        request["Content-Type"] = "text/plain"
        request.push(BODY[:size])
        request.done()

    return page


def status(code: Any, body: bytes | None = None) -> Page:
    def page(request: Any, site: Any) -> None:
        request.reply_code = code
        if body is not None:
            request.push(body)
        request.done()

    return page


def error(code: int) -> Page:
    return lambda request, site: request.error(code)


def field(name: Any, value: Any) -> Page:
    def page(request: Any, site: Any) -> None:
        request[name] = value
        request.push("a field")
        request.done()

    return page


def behind_the_back(name: Any, value: Any) -> Page:
    def page(request: Any, site: Any) -> None:
        request.reply_headers[name] = value
        request.push("a field")
        request.done()

    return page


def cookies(request: Any, site: Any) -> None:
    request.add_header("Set-Cookie", "a=1")
    request.add_header("Set-Cookie", "b=2")
    request.push("cookies")
    request.done()


def bare_with_cookie(request: Any, site: Any) -> None:
    request.add_header("Set-Cookie", "c=3")
    bare(request, site)


def text(request: Any, site: Any) -> None:
    body = "\xe4\u20ac\U0001f600"
    request["Content-Type"] = "text/plain; charset=utf-8"
    request["Content-Length"] = len(body)  # of characters
    request.push(body)
    request.done()


def surrogate(request: Any, site: Any) -> None:
    request.push("\udc80")
    request.done()


def is_no_text(request: Any, site: Any) -> None:
    request.push(5)


def own_bytes(request: Any, site: Any) -> None:
    class mine(bytes):
        pass

    request.push(mine(b"mine"))
    request.done()


def own_text(request: Any, site: Any) -> None:
    class mine(str):
        pass

    request[mine("Content-Type")] = mine("text/x-mine")
    request.push(mine("mine"))
    request.done()


def memory(request: Any, site: Any) -> None:
    request.push(memoryview(b"memory"))
    request.done()


def fail(request: Any, site: Any) -> None:
    raise ValueError("as it should")


def refuse(request: Any, site: Any) -> None:
    raise ClientError(403, "not for you")


def leave(request: Any, site: Any) -> None:
    raise SystemExit("not here")


def fail_behind_done(request: Any, site: Any) -> None:
    request.push("done, but")
    request.done()
    raise ValueError("behind done()")


def fail_half_way(request: Any, site: Any) -> None:
    request["Content-Length"] = 100
    request.push("half")
    raise ValueError("half way")


def done_twice(request: Any, site: Any) -> None:
    request.push("twice")
    request.done()
    request.done()


def push_behind_done(request: Any, site: Any) -> None:
    request.push("behind")
    request.done()
    request.push("too late")


def error_behind_done(request: Any, site: Any) -> None:
    request.push("behind")
    request.done()
    request.error(404)


def set_behind_done(request: Any, site: Any) -> None:
    request.push("behind")
    request.done()
    request["X-Late"] = "late"
    request.reply_code = 404


def later(request: Any, site: Any) -> None:
    site.due += 1
    site.lifetime.call_later(0.0, site.in_due_time, hello, request)


def much_later(request: Any, site: Any) -> None:
    site.due += 1
    site.lifetime.call_later(0.002, site.in_due_time, fail_behind_done, request)


def in_thread(request: Any, site: Any) -> None:
    site.due += 1
    site.pool.submit(site.in_thread, hello, request)


def stream(request: Any, site: Any) -> None:
    request["Content-Type"] = "text/event-stream"
    request.push("one")
    request.flush()
    request.push("two")
    request.push("three")
    request.done()


def stream_and_fail(request: Any, site: Any) -> None:
    request["Content-Length"] = 100
    request.flush()
    request.push("broken off")
    raise ValueError("in the middle")


def echo(request: Any, site: Any) -> None:
    request.read_body(lambda body: (request.push(body), request.done()))


class by_collector:
    """What xmlrpc_handler.collector gives its body to."""

    def __init__(self, site: Any) -> None:
        self.site = site

    def continue_request(self, data: Any, request: Any) -> None:
        self.site.saw_exception()
        request["Content-Length"] = len(data)
        request.push(data)
        request.done()


def collect(request: Any, site: Any) -> None:
    request.collector = collector(by_collector(site), request)


class bad_collector:
    def collect_incoming_data(self, data: bytes) -> None:
        raise ValueError("a body that nobody can take")

    def found_terminator(self) -> None:
        raise ClientError(422, "nothing was found")


def collect_badly(request: Any, site: Any) -> None:
    request.collector = bad_collector()


def close_channel(request: Any, site: Any) -> None:
    request.push("to nobody")
    request.channel.close()
    request.done()


def close_when_done(request: Any, site: Any) -> None:
    request.push("the last")
    request.done()
    request.channel.close_when_done()


def push_to_channel(request: Any, site: Any) -> None:
    request.channel.push(b"HTTP/1.1 102 Processing\r\n\r\n")
    hello(request, site)


def terminator(request: Any, site: Any) -> None:
    request.channel.set_terminator(5)
    hello(request, site)


def limits(request: Any, site: Any) -> None:
    request.channel.limits = Limits(requests_per_connection=request.channel.requests + 2)
    hello(request, site)


class OwnLimits(Limits):
    pass


def own_limits(request: Any, site: Any) -> None:
    request.channel.limits = OwnLimits(body=3)
    hello(request, site)


def ask_close(request: Any, site: Any) -> None:
    request.close_asked = True
    hello(request, site)


def attribute(name: str, value: Callable[[Any], Any]) -> Page:
    """Puts something of its own where the engine keeps its."""

    def page(request: Any, site: Any) -> None:
        request["X-Name"] = name
        request.push("an attribute")
        setattr(request, name, value(request))
        request.done()

    return page


def missing(name: str) -> Page:
    """Takes something of the engine's away."""

    def page(request: Any, site: Any) -> None:
        request.push("something is missing")
        delattr(request, name)
        request.done()

    return page


def of_channel(name: str, value: Callable[[Any], Any]) -> Page:
    def page(request: Any, site: Any) -> None:
        request.push("of the channel")
        setattr(request.channel, name, value(request.channel))
        request.done()

    return page


def nested(request: Any, site: Any) -> None:
    """Looks at its own channel as if something had come."""
    request.push("nested")
    request.channel.handle_read_event()
    request.done()
    request.channel.handle_read_event()
    request.channel._send_one()


def at_once(request: Any, site: Any) -> None:
    hello(request, site)
    request.channel.conclude()
    request.channel._send_one()


def show(request: Any, site: Any) -> None:
    said = [
        request.method,
        request.command,
        request.uri,
        request.path,
        request.query_string if hasattr(request, "query_string") else None,
        request.version,
        request.request,
        request.header,
        request.get_header("X-Test"),
        request.body_limit,
        request.collector,
        request.outgoing,
        request.reply_headers,
        request.bytes_sent,
        request.reply_code,
        request.is_done,
        type(request.head).__name__,
        request.channel.requests,
        request.channel.advancing,
        request.channel.current_request is request,
        request.channel.terminator,
        sys.exc_info(),
    ]
    request.push("\n".join(map(repr, said)))
    request.done()


def by_turns(*ways: Page) -> Page:
    """Answers the same request one way, another way, and so on, by pairs."""

    def page(request: Any, site: Any) -> None:
        ways[request.channel.requests // 2 % len(ways)](request, site)

    return page


def by_name(request: Any, site: Any) -> None:
    request.__setitem__(name="Content-Type", value="text/plain")
    name = "thing" if isinstance(request, http_request) else "data"
    request.push(**{name: "by name"})
    request.done()


def misuse(*args: Any, **words: Any) -> Page:
    """Calls push() as nobody should."""
    return lambda request, site: request.push(*args, **words)


PAGES: dict[str, Page] = {
    "/by-name": by_name,
    "/misuse": misuse(),
    "/misuse/two": misuse("one", "two"),
    "/misuse/word": misuse(word="word"),
    "/hello": hello,
    "/bare": bare,
    "/nothing": nothing,
    "/silent": silent,
    "/several": several,
    "/produce": produce,
    "/one-producer": one_producer,
    "/16k": sized(16384),
    "/turns/status": by_turns(status(200, b"body"), status(201, b"body"), status(404, b"body")),
    "/turns/length": by_turns(sized(10), sized(11)),
    "/turns/field": by_turns(field("X-Turn", "one"), field("X-Turn", "two"), field("X-Three", "3")),
    "/turns/cookie": by_turns(bare, cookies, bare_with_cookie, bare),
    "/turns/error": by_turns(hello, fail, hello, error(404)),
    "/16k-and-one": sized(16385),
    "/20k": sized(20_000),
    "/300k": sized(300_000),
    "/empty": sized(0),
    "/404": status(404, b"nothing here"),
    "/204": status(204),
    "/204-with-body": status(204, b"unsent"),
    "/304": status(304, b"unsent"),
    "/599": status(599, b"odd"),
    "/999": status(999, b"bad"),
    "/enum": status(HTTPStatus.CREATED, b"an enum"),
    "/float": status(200.0, b"a float"),
    "/text-status": status("200", b"text"),
    "/true": status(True, b"true"),
    "/error": error(404),
    "/error-500": error(500),
    "/error-nameless": error(299),
    "/type": field("Content-Type", "text/plain"),
    "/lower": field("content-type", "text/plain"),
    "/int": field("X-Number", 5),
    "/int-length": field("Content-Length", 7),
    "/bool": field("X-Flag", True),
    "/none": field("X-None", None),
    "/bytes": field("X-Bytes", b"bytes"),
    "/bad-value": field("X-Bad", "a\r\nb: c"),
    "/bad-name": field("X Bad", "a"),
    "/odd-name": field(5, "a"),
    "/tab": field("X-Tab", "a\tb"),
    "/delete": field("X-Delete", "a\x7fb"),
    "/latin": field("X-Latin", "\xe4"),
    "/no-value": field("X-Empty", ""),
    "/closing": field("Connection", "close"),
    "/keeping": field("Connection", "Keep-Alive"),
    "/chunked": field("Transfer-Encoding", "chunked"),
    "/short": field("Content-Length", 3),
    "/long": field("Content-Length", 300),
    "/date": field("Date", "Fri, 04 Jul 2003 00:24:02 GMT"),
    "/server": field("Server", "somebody else"),
    "/raw-int": behind_the_back("X-Number", 5),
    "/raw-length": behind_the_back("Content-Length", 7),
    "/raw-bytes": behind_the_back("X-Raw", b"raw"),
    "/raw-name": behind_the_back("x-raw", "raw"),
    "/cookies": cookies,
    "/text": text,
    "/surrogate": surrogate,
    "/no-text": is_no_text,
    "/own-bytes": own_bytes,
    "/own-text": own_text,
    "/memory": memory,
    "/fail": fail,
    "/refuse": refuse,
    "/fail-behind-done": fail_behind_done,
    "/fail-half-way": fail_half_way,
    "/twice": done_twice,
    "/push-behind-done": push_behind_done,
    "/error-behind-done": error_behind_done,
    "/set-behind-done": set_behind_done,
    "/later": later,
    "/much-later": much_later,
    "/thread": in_thread,
    "/stream": stream,
    "/stream-and-fail": stream_and_fail,
    "/echo": echo,
    "/collect": collect,
    "/collect-badly": collect_badly,
    "/close-channel": close_channel,
    "/close-when-done": close_when_done,
    "/push-to-channel": push_to_channel,
    "/terminator": terminator,
    "/limits": limits,
    "/own-limits": own_limits,
    "/ask-close": ask_close,
    "/nested": nested,
    "/at-once": at_once,
    "/show": show,
    "/attribute/outgoing-tuple": attribute("outgoing", lambda request: tuple(request.outgoing)),
    "/attribute/outgoing-deque": attribute("outgoing", lambda request: deque(request.outgoing)),
    "/attribute/outgoing-text": attribute("outgoing", lambda request: ["text"]),
    "/attribute/outgoing-two": attribute("outgoing", lambda request: [b"a", b"b"]),
    "/attribute/fields": attribute(
        "reply_headers", lambda request: OrderedDict(request.reply_headers)
    ),
    "/attribute/no-fields": attribute("reply_headers", lambda request: None),
    "/attribute/more": attribute("_more_headers", lambda request: [("X-More", "more")]),
    "/attribute/more-empty": attribute("_more_headers", lambda request: []),
    "/attribute/is-done": attribute("is_done", lambda request: 0),
    "/attribute/is-done-one": attribute("is_done", lambda request: 1),
    "/attribute/head-sent": attribute("head_sent", lambda request: 0),
    "/attribute/close": attribute("close_asked", lambda request: 1),
    "/attribute/uri": attribute("uri", lambda request: "/another"),
    "/attribute/path": attribute("path", lambda request: "/another"),
    "/attribute/method": attribute("method", lambda request: "POST"),
    "/attribute/version": attribute("__dict__", lambda request: {"reply_code": 404}),
    "/attribute/sent": attribute("bytes_sent", lambda request: "many"),
    "/attribute/collector": attribute("collector", lambda request: bad_collector()),
    "/attribute/channel": attribute("channel", lambda request: None),
    "/missing/fields": missing("reply_headers"),
    "/missing/is-done": missing("is_done"),
    "/missing/channel": missing("channel"),
    "/missing/more": missing("_more_headers"),
    "/missing/sent": missing("bytes_sent"),
    "/channel/replies": of_channel("replies", lambda channel: deque()),
    "/channel/unread": of_channel("unread", lambda channel: b"GET /bare HTTP/1.0\r\n\r\n"),
    "/channel/bytearray": of_channel("unread", lambda channel: bytearray()),
    "/channel/final": of_channel("final", lambda channel: 1),
    "/channel/advancing": of_channel("advancing", lambda channel: 1),
    "/channel/not-advancing": of_channel("advancing", lambda channel: False),
    "/channel/requests": of_channel("requests", lambda channel: 999),
    "/channel/buffer": of_channel("ac_out_buffer", lambda channel: b"HTTP/1.1 102 X\r\n\r\n"),
    "/channel/input-size": of_channel("ac_in_buffer_size", lambda channel: 30),
    "/channel/input-size-odd": of_channel("ac_in_buffer_size", lambda channel: 0),
    "/channel/address": of_channel("addr", lambda channel: ("192.0.2.1", 5)),
    "/channel/address-text": of_channel("addr", lambda channel: "somewhere"),
    "/channel/address-list": of_channel("addr", lambda channel: ["192.0.2.1", 5]),
    "/channel/address-short": of_channel("addr", lambda channel: ()),
    "/channel/current": of_channel("current_request", lambda channel: None),
    "/channel/moved": of_channel("bytes_out", lambda channel: 1_000_000),
    "/channel/as-written": of_channel("as_written", lambda channel: False),
    "/channel/fifo": of_channel("producer_fifo", lambda channel: deque()),
    "/channel/ended": of_channel("input_ended", lambda channel: True),
}
