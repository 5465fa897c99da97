"""ZServer's WSGI bits: zwsgi_handler, ChannelPipe.start_response, and the publisher's side."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from wsgiref.validate import validator

import pytest

from servers.zserver import Lifetime, PubCore
from servers.zserver.HTTPServer import zhttp_server, zwsgi_handler
from servers.zserver.PubCore.ZRendezvous import ZRendevous
from servers.zserver.PubCore.ZServerPublisher import ZServerPublisher
from tests.medusa.conftest import get, post


@pytest.fixture
def serve_wsgi(serve):
    """serve_wsgi(application): a ZServer that has it at its root."""

    def start(application, **settings):
        return serve(zwsgi_handler(application, "", **settings), server=zhttp_server)

    return start


def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"plain"]


def test_an_application_answers_from_a_thread(serve_wsgi):
    names = []

    def application(environ, start_response):
        names.append(threading.current_thread().name)
        return plain(environ, start_response)

    status, fields, body = serve_wsgi(application).ask(get("/"))
    assert (status, fields["content-type"], body) == (200, "text/plain", b"plain")
    assert fields["content-length"] == "5"
    assert names[0].startswith("publisher ")


def test_the_protocol_is_kept_to_the_letter(serve_wsgi):
    def strict(environ, start_response):
        environ = {key: value for key, value in environ.items() if key != "wsgi.output"}
        return validator(plain)(environ, start_response)

    peer = serve_wsgi(strict).connect().send(get("/a?b=c"))
    peer.read_head()
    assert peer.read_chunked() == b"plain"


def test_the_path_stands_for_its_bytes(serve_wsgi):
    paths = []

    def application(environ, start_response):
        paths.append((environ["SCRIPT_NAME"], environ["PATH_INFO"]))
        return plain(environ, start_response)

    running = serve_wsgi(application)
    running.get("/caf%C3%A9;p/%ff")
    assert paths == [("", "/caf\xc3\xa9;p/\xff")]


@pytest.mark.parametrize("size", [0, 5, 600_000])
def test_the_body_is_read_from_the_input(serve_wsgi, size):
    def echo(environ, start_response):
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH", "0")))]

    assert serve_wsgi(echo).ask(post("/", b"x" * size))[2] == b"x" * size


def test_a_body_in_chunks_has_its_length(serve_wsgi):
    def echo(environ, start_response):
        assert "HTTP_TRANSFER_ENCODING" not in environ
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]

    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert serve_wsgi(echo).ask(head + b"5\r\nhello\r\n0\r\n\r\n")[2] == b"hello"


def test_what_is_yielded_leaves_at_once(serve_wsgi):
    go_on = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        yield b""
        yield b"one"
        assert go_on.wait(10.0)
        yield b"two"

    peer = serve_wsgi(application).connect().send(get("/"))
    assert peer.read_head()[1]["transfer-encoding"] == "chunked"
    assert peer.read_line() == b"3"
    assert peer.read_line() == b"one"
    go_on.set()
    assert peer.read_chunked() == b"two"


def test_what_is_written_comes_before_what_is_returned(serve_wsgi):
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Length", "6")])
        write(b"one")
        return [b"two"]

    assert serve_wsgi(application).get("/") == b"onetwo"


def test_an_application_does_not_say_how_its_answer_is_framed(serve_wsgi):
    def application(environ, start_response):
        start_response("200 OK", [("Transfer-Encoding", "chunked")])
        return [b"no chunk"]

    _, fields, body = serve_wsgi(application).ask(get("/"))
    assert (fields["content-length"], body) == ("8", b"no chunk")


def test_repeated_fields_are_all_sent(serve_wsgi):
    def application(environ, start_response):
        start_response("200 OK", [("Set-Cookie", "a=b"), ("set-cookie", "c=d")])
        return [b""]

    running = serve_wsgi(application)
    data = running.connect().send(get("/", "Connection: close")).read_to_end()
    assert b"a=b" in data
    assert b"c=d" in data


def failing(environ, start_response):
    raise ValueError("a secret")


def no_status(environ, start_response):
    start_response("fine", [])
    return [b"body"]


def no_field(environ, start_response):
    start_response("200 OK", [("X Y", "z")])
    return [b"body"]


def text(environ, start_response):
    start_response("200 OK", [("Set-Cookie", "a=b")])
    return ["text"]


def never_started(environ, start_response):
    return [b"body"]


def started_twice(environ, start_response):
    start_response("200 OK", [])
    start_response("404 Not Found", [])
    return [b"body"]


@pytest.mark.parametrize(
    "application", [failing, no_status, no_field, text, never_started, started_twice]
)
def test_an_application_that_is_wrong_is_a_500_that_tells_nothing(serve_wsgi, application, caplog):
    running = serve_wsgi(application)
    status, fields, body = running.ask(get("/"))
    assert (status, "set-cookie" in fields) == (500, False)
    assert b"secret" not in body
    assert "publishing" in caplog.text


def test_an_application_that_fails_in_the_middle_breaks_off_visibly(serve_wsgi):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"half"
        raise ValueError("boom")

    data = serve_wsgi(application).connect().send(get("/")).read_to_end()
    assert b"half" in data
    assert not data.endswith(b"0\r\n\r\n")


def test_an_error_page_replaces_what_has_not_left(serve_wsgi):
    def application(environ, start_response):
        start_response("200 OK", [])
        try:
            raise ValueError("boom")
        except ValueError:
            start_response("503 Service Unavailable", [("X-A", "b")], sys.exc_info())
        return [b"sorry"]

    status, fields, body = serve_wsgi(application).ask(get("/"))
    assert (status, fields["x-a"], body) == (503, "b", b"sorry")


def test_an_error_behind_the_head_is_raised_again(serve_wsgi):
    raised = []

    def application(environ, start_response):
        start_response("200 OK", [])(b"half")
        try:
            raise ValueError("boom")
        except ValueError:
            try:
                start_response("500 Oh", [], sys.exc_info())
            except ValueError as error:
                raised.append(str(error))
                raise
        return []

    serve_wsgi(application).connect().send(get("/")).read_to_end()
    assert raised == ["boom"]


def test_what_was_returned_is_closed(serve_wsgi):
    closed = threading.Event()

    class pieces:
        def __iter__(self):
            return iter([b"a", b"b"])

        def close(self):
            closed.set()

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return pieces()

    assert serve_wsgi(application).get("/") == b"ab"
    assert closed.wait(10.0)


def test_an_endless_answer_ends_with_its_client(serve_wsgi):
    closed = threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 10_000
        finally:
            closed.set()

    peer = serve_wsgi(application).connect().send(get("/"))
    peer.read_head()
    peer.sock.close()
    assert closed.wait(10.0)


def test_an_answer_waits_for_a_client_that_does_not_read(serve_wsgi):
    given, given_all = [], threading.Event()

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "50000000")])
        for number in range(500):
            given.append(number)
            yield b"x" * 100_000
        given_all.set()

    peer = serve_wsgi(application).connect().send(get("/"))
    peer.read_head()
    assert not given_all.wait(0.3)  # what is measured is that it does not go on
    assert len(given) < 400
    peer.sock.close()


def test_a_restart_button_stops_the_server(serve_wsgi):
    def application(environ, start_response):
        start_response("200 OK", [])
        raise SystemExit(1)

    running = serve_wsgi(application)
    assert running.ask(get("/"))[0] == 200
    running.thread.join(10.0)
    assert Lifetime.exit_code == 1


def test_a_name_without_zope_says_what_to_do(serve_wsgi, caplog):
    assert serve_wsgi("Zope2").ask(get("/"))[0] == 500
    assert "give zwsgi_handler a WSGI application" in caplog.text


def test_an_answer_to_head_has_no_body(serve_wsgi):
    peer = serve_wsgi(plain).connect().send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert peer.read_head()[1]["content-length"] == "5"
    peer.send(get("/"))
    assert peer.read_reply()[2] == b"plain"


def test_a_full_queue_is_told_to_the_client(serve_wsgi, monkeypatch):
    begun, may_end = threading.Event(), threading.Event()

    def application(environ, start_response):
        begun.set()
        assert may_end.wait(10.0)
        return plain(environ, start_response)

    pool = ZRendevous(1)
    pool.waiting = 0
    monkeypatch.setattr(PubCore, "_pool", pool)
    running = serve_wsgi(application)
    first = running.connect().send(get("/"))
    assert begun.wait(10.0)
    assert running.ask(get("/"))[0] == 503
    may_end.set()
    assert first.read_reply()[0] == 200
    pool.stop(10.0)


# Threads of one's own


def test_a_publisher_of_ones_own_takes_what_the_pool_is_given():
    published = []
    done = threading.Event()

    class response:
        def setBody(self, body):
            published.append((threading.current_thread().name, body))

        def finish(self):
            done.set()

    pool = ZRendevous(1)
    thread = threading.Thread(target=ZServerPublisher, args=(pool.accept,), name="own")
    thread.start()
    while not pool.idle:  # it waits as soon as it gets there
        assert thread.is_alive()
    pool.handle(lambda request, response: "published", object(), response())
    assert done.wait(10.0)
    assert published == [("own", "published")]
    pool.stop()
    thread.join(10.0)
    assert not thread.is_alive()


def test_what_waits_is_published_before_a_stop_is_told():
    pool = ZRendevous(1)
    begun, may_end = threading.Event(), threading.Event()

    def hold(request, response):
        begun.set()
        may_end.wait(10.0)

    class response:
        def finish(self):
            pass

    pool.handle(hold, None, response())
    assert begun.wait(10.0)
    pool.handle("second", 2, 3)
    pool.stop(0)
    assert pool.accept() == ("second", 2, 3)
    with pytest.raises(SystemExit):
        pool.accept()
    may_end.set()


def test_a_client_that_takes_next_to_nothing_does_not_keep_a_thread(serve):
    ended = threading.Event()

    def endless(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield bytes(65536)
        finally:
            ended.set()

    class hasty(zhttp_server):
        default_limits = replace(zhttp_server.default_limits, body_rate=10**9, body_rate_after=0.1)

    running = serve(zwsgi_handler(endless, ""), server=hasty)
    peer = running.connect().send(get("/"))
    peer.read_head()
    assert ended.wait(20.0)
    assert not peer.read_to_end().endswith(b"0\r\n\r\n")
