"""A process with several listeners that says of itself all that can be observed.

`python -m tests.lane.site` prints the URL of its control listener.  There, `/turn` is answered when
the loop has come round and nothing is due, `/told` says what has happened since `/begin`.  With
LIFETIME_PURE_PYTHON=1 in the environment it has to say just the same.
"""

from __future__ import annotations

import gc
import json
import logging
import re
import sys
import weakref
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fcntl import ioctl
from termios import FIONREAD
from types import MemberDescriptorType
from typing import Any

from lifetime import Lifetime
from servers import compiled
from servers.channel import Channel
from servers.http import HTTPListener, Request, reply
from servers.http.channel import HTTPChannel
from servers.http.express import ExpressLane
from servers.http.limits import Limits
from servers.medusa import asyncore_25 as asyncore
from servers.medusa import logger
from servers.medusa.counter import counter
from servers.medusa.http_channel import http_channel
from servers.medusa.http_request import http_request
from servers.medusa.http_server import http_server
from tests.lane.pages import PAGES, hello, leave

OWNERS: dict[str, Any] = {
    each.__name__: each
    for each in (
        http_request,
        http_channel,
        http_server,
        Request,
        ExpressLane,
        HTTPChannel,
        Channel,
        HTTPListener,
        counter,
        logger.unresolving_logger,
    )
}

#: What differs from one run to the next.
VARIES = re.compile(
    r"127\.0\.0\.1(:|', )\d+"
    r"|0x[0-9a-f]+|(?<=_channel )\d+|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
)

#: The clock's, the system's, and what the lane alone knows.
UNTOLD = {
    "_alarm", "_alarm_at", "_body_began", "_client", "_fileno", "_head_until", "_map",
    "_stalled_at", "channel_number", "creation_time", "deadline", "request_number", "thread",
}  # fmt: skip


#: Of a listener; those of the new style do without the last two.
COUNTERS = ("total_clients", "total_requests", "exceptions", "bytes_out", "bytes_in")


def masked(text: str) -> str:
    """Without dates, ports, and the addresses and numbers of objects."""
    return VARIES.sub("*", text)


def state(thing: Any) -> dict[str, str]:
    """All that an object keeps, in its slots or elsewhere."""
    names = {
        name
        for kind in type(thing).__mro__
        for name, value in vars(kind).items()
        if isinstance(value, MemberDescriptorType)
    }
    values = {name: getattr(thing, name, "missing") for name in names}
    values.update(vars(thing))
    return {name: shown(values[name]) for name in sorted(values) if name not in UNTOLD}


def shown(value: Any) -> str:
    """A plain value, or what kind of thing it is."""
    if type(value) in (list, tuple):
        return masked(f"{type(value).__name__}({', '.join(map(shown, value))})")
    if isinstance(value, bytes | str) and len(value) > 1000:
        return f"{len(value)} of {value[:20]!r}"
    if isinstance(value, bytes | str | int | float | dict | BaseException | None):
        return masked(repr(value))
    if isinstance(value, type):
        return value.__name__
    return type(value).__name__


NOTES: list[str] = []


def note(*words: Any) -> None:
    """Something of ours was called."""
    NOTES.append(" ".join(shown(each) for each in words))


class Lines:
    """An access log that may be told to fail."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def log(self, line: str) -> None:
        if self.site.failures:
            self.site.failures -= 1
            note("exc", sys.exc_info()[0])
            raise OSError("the disk is full")
        self.site.lines.append(masked(line))


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def emit(self, record: logging.LogRecord) -> None:
        kind, error, _ = record.exc_info or (None, None, None)
        self.site.records.append(
            masked(f"{record.levelname} {record.name}: {record.getMessage()} {kind} {error}")
        )


class plain_channel(http_channel):
    """Nothing is overridden."""

    my_own = "something"


class plain_request(http_request):
    """Nothing is overridden."""

    my_own = "something"


class plain_server(http_server):
    channel_class = plain_channel


plain_channel.request_class = plain_request


class asking_channel(http_channel):
    """Looks at what has failed, as old code does."""

    def handler_failed(self, request: Any, error: Exception) -> None:
        (_, function, _), kind, value, _ = asyncore.compact_traceback()
        note("failed", function, kind, value, sys.exc_info()[1] is error)
        super().handler_failed(request, error)

    def handle_error(self) -> None:
        note("error", sys.exc_info()[0], sys.exc_info()[1])
        super().handle_error()

    def log_info(self, message: str, type: str = "info") -> None:
        note("info", message, type, sys.exc_info()[0])


class asking_request(http_request):
    def log(self, bytes: int) -> None:
        note("log", bytes, sys.exc_info()[0])
        super().log(bytes)


class asking_server(http_server):
    channel_class = asking_channel

    def log_info(self, message: str, type: str = "info") -> None:
        note("info", message, type, sys.exc_info()[0])

    def log_failed(self, error: Exception) -> None:
        note("log failed", error, sys.exc_info()[1] is error)
        super().log_failed(error)


asking_channel.request_class = asking_request


class shadowing_channel(http_channel):
    """Has attributes of its class where ours are in slots."""

    current_request = None
    ac_out_buffer = b""
    replies = ()


class shadowing_request(http_request):
    collector = None
    head_sent = False


class shadowing_server(http_server):
    channel_class = shadowing_channel


shadowing_channel.request_class = shadowing_request


class own_request(Request):
    """One of the new style with something of its own."""

    def push(self, data: Any) -> None:
        note("pushed", data)
        super().push(data)


class own_channel(HTTPChannel):
    request_class = own_request


class own_listener(HTTPListener):
    channel_class = own_channel

    def request_finished(self, request: Any) -> None:
        note("finished", request.bytes_sent, sys.exc_info()[0])
        super().request_finished(request)


def took_the_lane() -> bool:
    """Whether no method of the engine's own channel stands between the poll and a handler."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name in ("handle_read_event", "handle_read", "received"):
            return False
        frame = frame.f_back
    return True


def is_busy(channel: Any) -> bool:
    """Whether something waits to be sent, or to be read; its own methods may be patched."""
    if channel.socket is None:
        return False
    unread = array("i", [0])
    ioctl(channel.socket.fileno(), FIONREAD, unread)
    return bool(channel.ac_out_buffer or channel._fifo or (channel._watched[0] and unread[0]))


class Declines:
    """Looks at a request, changes it, and lets the next one have it."""

    def match(self, request: Any) -> bool:
        if request.path == "/mutate":
            request.uri = "/hello"
            request.my_own = "parked"
        return False

    def handle_request(self, request: Any) -> None:
        raise AssertionError("it has declined")


class Pages:
    """Answers everything."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def match(self, request: Any) -> bool:
        self.site.saw_exception()
        return request.path in PAGES or request.path.startswith("/at/")

    def handle_request(self, request: Any) -> None:
        self.site.handled += 1
        self.site.on_the_lane += took_the_lane()
        self.site.watch(request)
        if request.path in PAGES:
            PAGES[request.path](request, self.site)
            return
        _, _, what, *words = request.path.split("/")
        getattr(self.site, f"do_{what}")(request, *words)


class Site:
    """Everything that is observed, and what can be changed while it runs."""

    def __init__(self) -> None:
        self.lifetime = Lifetime()
        self.pool = ThreadPoolExecutor(1)
        self.originals: list[tuple[Any, str, Any]] = []
        self.begin(keep=False)
        limits = Limits(linger_time=60.0, keep_alive=600.0)
        lines = Lines(self)
        old = {"limits": http_server.default_limits, "lifetime": self.lifetime}
        new: dict[str, Any] = {"limits": limits, "lifetime": self.lifetime}
        logging.getLogger().addHandler(Records(self))
        logging.getLogger().setLevel(logging.INFO)
        self.listeners: dict[str, Any] = {
            "old": http_server("127.0.0.1", 0, None, lines, **old),
            "new": HTTPListener("127.0.0.1", access_log=lines, **new),
            "quiet": HTTPListener("127.0.0.1", ident="", **new),
            "plain": plain_server("127.0.0.1", 0, None, lines, **old),
            "asking": asking_server("127.0.0.1", 0, None, lines, **old),
            "shadowing": shadowing_server("127.0.0.1", 0, None, lines, **old),
            "own": own_listener("127.0.0.1", access_log=lines, **new),
        }
        for each in self.listeners.values():
            each.install_handler(Pages(self))
            each.install_handler(Declines())
        self.control = HTTPListener(
            "127.0.0.1",
            limits=Limits(requests_per_connection=10**9, keep_alive=3600.0),
            lifetime=self.lifetime,
        )
        self.control.install_handler(Control(self))

    def begin(self, keep: bool) -> None:
        """Forget everything; keep: hold all requests, to say what became of them."""
        self.unpatch()
        self.lines: list[str] = []
        self.records: list[str] = []
        self.gone: list[str] = []
        self.keep = keep
        self.kept: list[Any] = []
        self.refs: list[Any] = []
        self.due = self.failures = self.handled = self.on_the_lane = 0
        for each in getattr(self, "listeners", {}).values():
            for channel in list(each.channels):
                channel.close()
            each.heads.clear()
            for name in COUNTERS:
                if isinstance(getattr(each, name, None), counter):
                    getattr(each, name).value = 0
                else:
                    setattr(each, name, 0)
        reply._LAST_HEADS.clear()
        gc.collect()
        self.lines, self.records, self.gone = [], [], []
        NOTES.clear()

    def told(self) -> dict[str, Any]:
        """What has happened, and how things are."""
        waiting = [channel for each in self.listeners.values() for channel in each.channels]
        return {
            "lines": self.lines,
            "records": self.records,
            "notes": NOTES,
            "gone": sorted(self.gone),
            "requests": [state(each) for each in self.kept],
            "channels": sorted((state(each) for each in waiting), key=repr),
            "counters": {
                name: [int(getattr(each, what, 0)) for what in COUNTERS]
                for name, each in self.listeners.items()
            },
            "handled": self.handled,
        }

    def watch(self, request: Any) -> None:
        """Know when the request goes; or keep it."""
        if self.keep:
            self.kept.append(request)
        else:
            name = f"{request.method} {request.head.target}"
            self.refs.append(weakref.ref(request, lambda _: self.gone.append(name)))

    def saw_exception(self) -> None:
        """Whether an exception is being handled where none is."""
        if sys.exc_info()[0] is not None:
            note("exc", sys.exc_info()[0])

    # What is due

    def in_due_time(self, page: Callable[..., object], request: Any) -> None:
        try:
            page(request, self)
        finally:
            self.due -= 1

    def in_thread(self, page: Callable[..., object], request: Any) -> None:
        try:
            page(request, self)
        finally:
            self.lifetime.call_soon_threadsafe(self.is_done)

    def is_done(self) -> None:
        self.due -= 1

    # What handlers may be asked to do, by path

    def do_patch(self, request: Any, owner: str, name: str) -> None:
        """Put a method of our own into a class, around the one that is there."""
        kind = OWNERS[owner]
        self.originals.append((kind, name, vars(kind).get(name)))
        original = getattr(kind, name)

        def patched(thing: Any, *args: Any, **words: Any) -> Any:
            if not self.is_the_controls(thing, *args):
                NOTES.append(f"called {owner}.{name}")
            return original(thing, *args, **words)

        setattr(kind, name, patched)
        hello(request, self)

    def is_the_controls(self, thing: Any, *args: Any) -> bool:
        """Whether a listener, channel or request has to do with what the test asks."""
        if isinstance(thing, Request):
            thing = getattr(thing, "channel", None) or args[0]
        return getattr(thing, "server", thing) is self.control or args[:1] == (self.control,)

    def do_give(self, request: Any, what: str, name: str) -> None:
        """The same, into one object alone."""
        thing = {
            "request": request,
            "channel": request.channel,
            "server": request.channel.server,
            "logger": getattr(request.channel.server, "logger", None),
        }[what]
        if thing is None:
            request.error(404)
            return
        if what in ("server", "logger"):
            self.originals.append((thing, name, None))
        original = getattr(thing, name)

        def given(*args: Any, **words: Any) -> Any:
            NOTES.append(f"called {what}.{name}")
            return original(*args, **words)

        setattr(thing, name, given)
        hello(request, self)

    def unpatch(self) -> None:
        while self.originals:
            owner, name, value = self.originals.pop()
            if not isinstance(owner, type):
                vars(owner).pop(name, None)
                vars(owner).pop("as_written", None)
            elif value is None:
                delattr(owner, name)
            else:
                setattr(owner, name, value)

    def do_unpatch(self, request: Any) -> None:
        self.unpatch()
        hello(request, self)

    def do_failing(self, request: Any, count: str) -> None:
        """The access log fails so often."""
        self.failures = int(count)
        hello(request, self)

    def do_leave(self, request: Any) -> None:
        """As a handler of the old style may."""
        if isinstance(request, http_request):
            leave(request, self)
        hello(request, self)


class Control:
    """What the test asks."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def match(self, request: Any) -> bool:
        return True

    def handle_request(self, request: Any) -> None:
        self.site.lifetime.call_soon_threadsafe(self.answer, request)  # in the turn after this one

    def answer(self, request: Any) -> None:
        """Once nothing is due any more."""
        site = self.site
        if site.due:
            site.lifetime.call_later(0.0005, self.answer, request)
            return
        said: Any = None
        if request.path == "/begin":
            site.begin(keep=request.query_string == "keep")
        elif request.path == "/told":
            said = site.told()
        elif request.path == "/site":
            said = {
                "lane": compiled.lane is not None,
                "ports": {name: each.port for name, each in site.listeners.items()},
            }
        elif request.path == "/lane":
            said = site.on_the_lane
        else:
            said = sum(
                is_busy(channel) for each in site.listeners.values() for channel in each.channels
            )
        request.push(json.dumps(said))
        request.done()


def main() -> None:
    """Serve until somebody ends us."""
    gc.disable()  # what goes goes by itself, so that it is seen when
    site = Site()
    gc.collect()
    gc.freeze()  # or each beginning would look at all that was imported
    print(site.control.url, flush=True)
    site.lifetime.loop()


if __name__ == "__main__":
    # Handlers and classes are to be found under one name.
    from tests.lane import site as itself

    itself.main()
