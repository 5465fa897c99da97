"""medusa's resolver: its callbacks, its cache, its helpers, and names in the access log."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest

import lifetime
from lifetime.testing import HTTP, World, check_dispatcher
from servers.medusa import http_server, resolver
from tests.medusa.conftest import Lines, Running
from tests.servers.name_server import address, knows, name_server, pointer, reply, silent

Run = Callable[..., Running]

WWW = "www.example"
BACKWARDS = "1.0.0.127.in-addr.arpa"


@pytest.fixture
def heard() -> list[tuple[str, int, Any]]:
    """What callbacks were told; nothing is left in the map behind the test."""
    return []


def ask(what: Callable[[], object]) -> None:
    """Let questions be asked and answered."""
    what()
    limit = lifetime.call_later(10.0, lifetime.shutdown)
    lifetime.lifetime_loop()
    assert limit.active
    limit.cancel()


def test_callbacks_are_given_host_ttl_and_answer(heard):
    def remember(host, ttl, answer):
        heard.append((host, ttl, answer))

    with name_server(knows(address(WWW, "192.0.2.1"))) as server:
        r = resolver.resolver("127.0.0.1", port=server.port)
        ask(lambda: r.resolve(WWW, remember))
        ask(lambda: r.resolve(WWW.encode(), remember))
        assert heard == [(WWW, 60, "192.0.2.1")] * 2
        assert len(server.asked) == 2  # this kind remembers nothing


def test_what_is_not_found_is_none(heard):
    with name_server(silent) as server:
        r = resolver.resolver("127.0.0.1", port=server.port, timeout=0.01)
        ask(lambda: r.resolve(WWW, lambda *told: heard.append(told)))
        r.resolve("not..a.name", lambda *told: heard.append(told))
        r.resolve_ptr("not an address", lambda *told: heard.append(told))
    assert heard == [(WWW, 0, None), ("not..a.name", 0, None), ("not an address", 0, None)]


def test_a_cache_calls_back_at_once(heard):
    with name_server(knows(pointer(BACKWARDS, "localhost"))) as server:
        r = resolver.caching_resolver("localhost", port=server.port)
        ask(lambda: r.resolve_ptr("127.0.0.1", lambda *told: heard.append(told)))
        r.resolve_ptr("127.0.0.1", lambda *told: heard.append(told))
        assert [answer for _, _, answer in heard] == ["localhost"] * 2
        assert len(server.asked) == 1
    assert (str(r.reverse_requests), str(r.cache_hits)) == ("2", "1")
    [(name, (_, ttl, answer))] = r.cache.items()
    assert (name, answer) == (BACKWARDS, "localhost")
    assert 58 <= ttl <= 60
    status = r.status().more()
    assert b"<br>Cache Entries: 1" in status and b"<br>Cache Hits: 1" in status


def test_a_hook_hears_it_first(heard):
    hooked = resolver.hooked_callback(
        lambda *told: heard.append(("hook", *told)), lambda *told: heard.append(("callback", *told))
    )
    hooked(WWW, 1, None)
    assert heard == [("hook", WWW, 1, None), ("callback", WWW, 1, None)]


# -- helpers -----------------------------------------------------------------------------------


def test_questions_and_answers_by_hand():
    question = resolver.fast_address_request(WWW, 513)
    assert question == b"\2\1\1\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1"
    assert resolver.unpack_address_reply(reply(question, address(WWW, "192.0.2.1", 7))) == (
        7,
        "192.0.2.1",
    )
    question = resolver.fast_ptr_request(b"127.0.0.1")
    assert resolver.unpack_ptr_reply(reply(question, pointer(BACKWARDS, WWW))) == (60, WWW)


@pytest.mark.parametrize("unpack", [resolver.unpack_address_reply, resolver.unpack_ptr_reply])
@pytest.mark.parametrize("data", [b"", b"\xc0\x0c" * 50, resolver.fast_address_request(WWW)])
def test_what_is_no_answer_has_nothing(unpack, data):
    assert unpack(data) == (0, None)


def test_names_are_unpacked_and_skipped():
    data = b"\3www\7example\0\xc0\x04" + struct.pack(">I", 3600)
    assert resolver.unpack_name(data, 0) == WWW
    assert resolver.unpack_name(data, 13) == "example"
    assert (resolver.skip_name(data, 0), resolver.skip_name(data, 13)) == (13, 15)
    assert resolver.unpack_ttl(data, 15) == 3600


# -- the access log ----------------------------------------------------------------------------


class Page:
    def match(self, request):
        return 1

    def handle_request(self, request):
        request.push("hello")
        request.done()


class Waiting(Lines):
    """A logger that says when it has something."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def log(self, message: str) -> None:
        super().log(message)
        self.written.set()


def serve(run: Run, r: Any, lines: Lines) -> Running:
    server = http_server.http_server("127.0.0.1", 0, r, lines)
    server.install_handler(Page())
    return run(server)


def test_the_access_log_has_names(run: Run):
    lines = Waiting()
    with name_server(knows(pointer(BACKWARDS, "client.example"))) as server:
        r = resolver.caching_resolver("127.0.0.1", port=server.port)
        assert serve(run, r, lines).get("/") == b"hello"
        assert lines.written.wait(10.0)
    [line] = lines.lines
    assert line.startswith('client.example:')
    assert '"GET / HTTP/1.1" 200' in line


def test_a_name_cannot_forge_lines_in_it(run: Run):
    lines = Waiting()
    evil = pointer(BACKWARDS, "a\r\nb\x1b[2J")
    with name_server(knows(evil)) as server:
        serve(run, resolver.caching_resolver("127.0.0.1", port=server.port), lines).get("/")
        assert lines.written.wait(10.0)
    assert lines.lines[0].startswith("a\\013\\010b\\027\\0912J:")


def test_a_stop_waits_for_the_name_and_no_line_is_lost(run: Run):
    lines = Waiting()
    draining = threading.Event()
    forget = lifetime.on_phase(lambda phase: draining.set() if phase == 3 else None)

    def late(question: bytes) -> list[bytes]:
        lifetime.shutdown()
        draining.wait(10.0)
        return [reply(question, pointer(BACKWARDS, "client.example"))]

    with name_server(late) as server:
        r = resolver.resolver("127.0.0.1", port=server.port, timeout=10.0)
        running = serve(run, r, lines)
        running.get("/")
        for sock in running._peers:
            sock.close()
        running.thread.join(10.0)
    forget()
    assert draining.is_set()
    assert lines.lines[0].startswith("client.example:")


def test_without_a_name_server_the_line_has_the_address(run: Run):
    lines = Waiting()
    with name_server(silent) as server:
        r = resolver.resolver("127.0.0.1", port=server.port, timeout=0.01)
        serve(run, r, lines).get("/")
        assert lines.written.wait(10.0)
    assert lines.lines[0].startswith("127.0.0.1:")


class SilentServer(lifetime.Dispatcher):
    """A name server in the same world, that takes questions and answers none."""

    def __init__(self) -> None:
        super().__init__(None, lifetime.default().map)
        self.create_socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.bind(("127.0.0.1", 53))

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(512)

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == 2:
            self.close()
        return None


def site_in(world: World) -> Any:
    """Lines of the log wait for a name server that says nothing."""
    world.speaks(HTTP("/"))
    SilentServer()
    r = resolver.caching_resolver("127.0.0.1", timeout=1.0)
    server = http_server.http_server("127.0.0.1", 0, r, Lines())
    server.install_handler(Page())
    return server


def test_a_site_with_a_resolver_obeys_the_laws_of_a_shutdown():
    check_dispatcher(site_in, examples=150, laws=(1, 2, 3, 4, 5, 6, 8, 9))
