"""Behind a real nginx: what clients see, and what a stop costs them."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from servers.http.handlers import Files
from tests.fcgi.nginx import Nginx, Site, ask
from tests.fcgi.pages import Page, echo, hello, stream

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["TCP", "Unix"])
def place(request, tmp_path):
    """Settings of a listener: over TCP, or a Unix socket."""
    return {} if request.param == "TCP" else {"unix": tmp_path / "site"}


def place_of(served):
    """As nginx wants it."""
    address = served.address
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"


@pytest.mark.parametrize("kept", [0, 8])
def test_requests_of_all_kinds_are_answered(serve, place, tmp_path, kept):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(large := os.urandom(5_000_000))
    handlers = [Page(echo, "/echo"), Page(stream, "/stream"), Page(hello, "/hello")]
    served = serve(*handlers, Files(tmp_path / "files"), **place)
    body = os.urandom(1_000_000)
    with Nginx(tmp_path, [place_of(served)], kept) as nginx:
        assert nginx.ask("/hello").body == b"hello\n"
        head = nginx.ask("/hello", "HEAD")
        assert (head.fields["Content-Length"], head.body) == ("6", b"")
        assert nginx.ask("/echo", "POST", body).body == body
        assert nginx.ask("/stream").body == b"0\n1\n2\n3\n4\n"
        got = nginx.ask("/large")
        assert (got.status, got.body == large) == (200, True)
        assert nginx.ask("/large", If_None_Match=got.fields["ETag"]).status == 304
        assert nginx.ask("/large", Range="bytes=5-9").body == large[5:10]
        assert nginx.ask("/nothing").status == 404
    assert "[error]" not in nginx.said()


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_an_upload_in_chunks_is_taken(serve, tmp_path, buffering):
    served = serve(Page(echo))
    more = f"fastcgi_request_buffering {buffering};"
    with Nginx(tmp_path, [place_of(served)], more=more) as nginx:
        connection = nginx.connect()
        connection.request("POST", "/", iter([b"abc" * 1000] * 100), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})  # fmt: skip
        assert connection.getresponse().read() == b"abc" * 100_000
        connection.close()


@pytest.mark.parametrize("kept", [0, 8])
@pytest.mark.parametrize("buffering", ["on", "off"])
def test_an_upload_that_is_too_large_is_refused_and_the_client_reads_why(
    serve, place, tmp_path, kept, buffering
):
    served = serve(Page(echo, "/echo"), Page(hello), **place)
    more = f"fastcgi_request_buffering {buffering};"
    with Nginx(tmp_path, [place_of(served)], kept, more) as nginx:
        assert nginx.ask("/echo", "POST", bytes(40_000_000)).status == 413
        assert nginx.ask("/").status == 200


def test_a_kept_connection_serves_one_client_after_the_other(serve, place, tmp_path):
    served = serve(Page(hello), **place)
    with Nginx(tmp_path, [place_of(served)]) as nginx:
        assert [nginx.ask().status for _ in range(20)] == [200] * 20
    assert served.site.total_clients == 1


def test_without_keeping_each_request_has_a_connection(serve, tmp_path):
    served = serve(Page(hello))
    with Nginx(tmp_path, [place_of(served)], kept=0) as nginx:
        assert [nginx.ask().status for _ in range(5)] == [200] * 5
    assert served.site.total_clients == 5


def test_a_slow_answer_outlives_a_sigterm(tmp_path):
    with Site() as site, Nginx(tmp_path, [site.place]) as nginx:
        connection = nginx.connect()
        connection.request("GET", "/slow")
        threading.Timer(0.3, site.begin_to_stop).start()
        assert connection.getresponse().read() == b"hello\n"
        connection.close()
        assert site.stopped() == 0


def test_the_program_of_the_how_to_serves(tmp_path):
    page = ROOT / "docs" / "how-to" / "serve-behind-nginx-with-fastcgi.md"
    [program] = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert '"127.0.0.1", 9000,' in program
    program = program.replace('"127.0.0.1", 9000,', 'unix="socket",')
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("a page")
    with Site(tmp_path / "socket", program) as site, Nginx(tmp_path, [site.place]) as nginx:
        assert nginx.ask("/").body == b"a page"
        assert nginx.ask("/who").body == b"somebody from unix:\n"
        site.begin_to_stop()
        assert site.stopped() == 0


class Load:
    """Clients that ask one thing after the other until they are told to stop."""

    def __init__(self, nginx: Nginx, clients: int) -> None:
        self.nginx = nginx
        self.failures: list[str] = []
        self.answered = 0
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30.0)
            assert not thread.is_alive()

    def goes_on_for(self, seconds: float) -> None:
        """The clients ask for so long."""
        time.sleep(seconds)

    def _run(self, number: int) -> None:
        connection = self.nginx.connect()
        body = os.urandom(3000)
        while not self._over.is_set():
            posts = (number + self.answered) % 2
            try:
                got = ask(connection, "/echo", "POST", body) if posts else ask(connection)
            except OSError as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            if got.status != 200 or (posts and got.body != body):
                self.failures.append(f"{'POST' if posts else 'GET'}: {got.status}")
            self.answered += 1
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("kept", [0, 8])
@pytest.mark.parametrize("kind", ["TCP", "Unix"])
def test_a_stop_under_load_costs_nobody_a_request(tmp_path: Path, kind: str, kept: int) -> None:
    """POSTs too, which nginx never sends a second time."""
    with ExitStack() as stack:
        paths = [tmp_path / f"site{number}" if kind == "Unix" else None for number in range(3)]
        sites = [stack.enter_context(Site(path)) for path in paths]
        nginx = stack.enter_context(Nginx(tmp_path, [site.place for site in sites], kept))
        with Load(nginx, 8) as load:
            for site in sites[:2]:
                load.goes_on_for(0.5)
                site.begin_to_stop()
                assert site.stopped() == 0
            load.goes_on_for(0.3)
        assert load.failures == [], nginx.said()
        assert load.answered > 20
