"""Idiom 1, the reply: set fields, push, done."""

from __future__ import annotations

from servers.medusa import http_server, producers
from tests.medusa.conftest import get


class hello_handler:
    def match(self, request):
        return request.uri == "/hello"

    def handle_request(self, request):
        s = "hello"
        request["Content-Type"] = "text/plain"
        request["Content-Length"] = len(s)
        request.push(s)
        request.done()


class answers:
    """A handler around a function."""

    def __init__(self, answer):
        self.answer = answer

    def match(self, request):
        return 1

    def handle_request(self, request):
        self.answer(request)


def test_a_reply_with_its_length_as_a_number(serve):
    status, fields, body = serve(hello_handler()).ask(get("/hello"))
    assert (status, body) == (200, b"hello")
    assert fields["content-type"] == "text/plain"
    assert fields["server"] == "Medusa/1.11"
    assert "connection" not in fields


def test_a_field_may_be_set_behind_the_first_push(serve):
    def answer(request):
        request.push("one")
        request["X-Late"] = "yes"
        request.push("two")
        request.done()

    status, fields, body = serve(answers(answer)).ask(get("/"))
    assert (status, fields["x-late"], body) == (200, "yes", b"onetwo")


def test_text_bytes_and_producers_mix(serve):
    def answer(request):
        request.push("text ")
        request.push(b"bytes ")
        request.push(producers.simple_producer("a producer"))
        request.done()

    peer = serve(answers(answer)).connect().send(get("/"))
    assert peer.read_head()[1]["transfer-encoding"] == "chunked"
    assert peer.read_chunked() == b"text bytes a producer"


def test_the_length_of_text_counted_in_characters_is_put_right(serve):
    def answer(request):
        s = "größer"
        request["Content-Length"] = len(s)
        request.push(s)
        request.done()

    assert serve(answers(answer)).get("/") == "größer".encode()


def test_without_chunks_the_end_of_the_body_is_the_close_and_that_is_said(serve):
    def answer(request):
        request.use_chunked = 0
        request.push(producers.lines_producer(["a", "b"]))
        request.done()

    peer = serve(answers(answer)).connect().send(get("/"))
    assert peer.read_head()[1]["connection"] == "close"
    assert peer.read_to_end() == b"a\r\nb\r\n"


def test_an_error_is_the_old_page(serve):
    status, fields, body = serve(answers(lambda request: request.error(404))).ask(get("/"))
    assert (status, fields["content-type"]) == (404, "text/html")
    assert body == (
        b"<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n"
        b"<h1>Error response</h1>\r\n<p>Error code 404.\r\n<p>Message: Not Found.\r\n</body>\r\n"
    )


def test_reply_now_answers_with_a_page_for_any_status(serve):
    assert serve(answers(lambda request: request.reply_now(201))).ask(get("/"))[0] == 201


def test_a_status_without_a_name_is_a_500(serve):
    assert serve(answers(lambda request: request.error(799))).ask(get("/"))[0] == 500


def test_a_number_put_straight_into_reply_headers_is_taken(serve):
    def answer(request):
        request.reply_headers["Content-Length"] = 2
        request.push("ok")
        request.done()

    assert serve(answers(answer)).get("/") == b"ok"


def test_text_put_straight_into_outgoing_is_taken(serve):
    def answer(request):
        request.outgoing.append("ok")
        request.done()

    assert serve(answers(answer)).get("/") == b"ok"


def test_a_field_is_asked_for_with_has_key(serve):
    def answer(request):
        request["X-Test"] = "1"
        request.push(repr((request.has_key("X-Test"), request.has_key("X-Other"))))
        request.done()

    assert serve(answers(answer)).get("/") == b"(True, False)"


def test_a_handler_that_raises_costs_its_request_a_500_and_is_counted(serve):
    def answer(request):
        request["Content-Length"] = 5
        request.push("12")
        raise ValueError("boom")

    running = serve(answers(answer))
    status, _, body = running.ask(get("/"))
    assert status == 500
    assert body.startswith(b"<head>")
    assert running.server.exceptions.as_long() == 1


def test_sys_exit_in_a_handler_does_not_end_the_server(serve):
    def answer(request):
        raise SystemExit(3)

    running = serve(answers(answer), hello_handler())
    assert running.ask(get("/"))[0] == 500
    assert running.get("/hello") == b"hello"


def test_nobody_who_matches_is_a_404(serve):
    assert serve().ask(get("/"))[0] == 404


def test_the_access_line_says_who_what_and_how_much(serve, lines):
    running = serve(hello_handler())
    peer = running.connect()
    peer.send(get("/hello")).read_reply()
    port = peer.sock.getsockname()[1]
    running.stop()
    [line] = lines.lines
    assert line.startswith(f"127.0.0.1:{port} - - [")
    assert line.endswith('] "GET /hello HTTP/1.1" 200 5\n')


def test_counters_count(serve):
    running = serve(hello_handler())
    running.get("/hello")
    running.stop()
    server = running.server
    assert (server.total_clients.as_long(), server.total_requests.as_long()) == (1, 1)
    assert server.bytes_in.as_long() == len(get("/hello"))
    assert server.bytes_out.as_long() > 100


def test_a_request_made_by_hand_has_its_parts():
    class channel:
        server = None

    request = http_server.http_request(
        channel(), "GET /a%20b HTTP/1.0", "GET", "/a b", "1.0", ["X-Test: yes"]
    )
    assert (request.command, request.uri, request.version) == ("GET", "/a b", "1.0")
    assert request.get_header("x-test") == "yes"
