"""A listener in a thread of this process, and what tests look at in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from queue import Queue
from typing import Any

import pytest

from lifetime import Lifetime, Patience
from servers import compiled
from servers.http import HTTPListener
from servers.medusa.http_server import http_server
from tests.lane.site import took_the_lane
from tests.wire.conftest import Served


@pytest.fixture(scope="session", autouse=True)
def lane() -> None:
    """Skip all of it where nobody has built the lane."""
    if find_spec("servers._lane") is not None:
        return
    sentence = "servers._lane is not built here: there is nothing to compare"
    if os.environ.get("CI_PROGRAMS") and shutil.which("cc"):  # then the build has to build it
        pytest.fail(sentence)
    pytest.skip(sentence)


class Answering:
    """A handler, and what it has seen.

    on_the_lane: of each request, whether it has come straight from the poll.
    """

    def __init__(self, answer: Callable[[Any], object] | None = None) -> None:
        self.answer = answer or say_hello
        self.on_the_lane: list[bool] = []

    def match(self, request: Any) -> bool:
        return True

    def handle_request(self, request: Any) -> None:
        self.on_the_lane.append(took_the_lane())
        self.answer(request)


def say_hello(request: Any) -> None:
    request["Content-Type"] = "text/plain"
    request.push("Hello\n")
    request.done()


def in_loop(served: Served, look: Callable[[], Any]) -> Any:
    """What `look()` gives in the loop's thread, when all that was begun there is over."""
    seen: Queue[Any] = Queue()
    served.lifetime.call_soon_threadsafe(lambda: seen.put(look()))
    return seen.get(timeout=10.0)


class NoLines:
    """An access log that nobody reads."""

    def log(self, line: str) -> None:
        pass


HELLO = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """serve(handler, server=http_server, **settings): a running one, stopped by the test's end."""
    running: list[Served] = []

    def start(handler: Any, server: Any = http_server, **settings: Any) -> Served:
        lifetime = Lifetime(patience=Patience(fast=0.2))
        if "unix" in settings:
            site = server(lifetime=lifetime, **settings)
        elif issubclass(server, http_server):
            site = server("127.0.0.1", 0, None, NoLines(), lifetime=lifetime, **settings)
        else:
            site = server("127.0.0.1", lifetime=lifetime, **settings)
        site.install_handler(handler)
        running.append(Served(lifetime, site))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture(params=[http_server, HTTPListener], ids=["old", "new"])
def server(request: pytest.FixtureRequest) -> Any:
    """Both of them."""
    return request.param


@pytest.fixture
def expected() -> Callable[[int], list[bool]]:
    """expected(count): which of `count` requests take the lane, if it is in use here."""
    return lambda count: [False, *[compiled.lane is not None] * (count - 1)]
