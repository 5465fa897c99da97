"""What handlers say, and what of it goes on the wire."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from servers.http import MisuseError, Request
from tests.wire.pages import HELLO, Page, Source, get, post


def pushing(*pushed: object, **fields: object) -> Page:
    """A page that pushes all this."""

    def answer(request: Request) -> None:
        for name, value in fields.items():
            request[name.replace("_", "-")] = value
        for each in pushed:
            request.push(each)
        request.done()

    return Page("/", answer)


# -- what may be pushed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pushed", ["é", b"\xc3\xa9", bytearray(b"\xc3\xa9"), memoryview(b"\xc3\xa9")]
)
def test_text_is_utf_8_and_bytes_are_bytes(serve, pushed: object):
    assert serve(pushing(pushed)).ask(get("/"))[2] == b"\xc3\xa9"


def test_several_pushes_make_one_body_of_known_length(serve):
    _, fields, body = serve(pushing("a", b"b", "c")).ask(get("/"))
    assert (fields["content-length"], body) == ("3", b"abc")


def test_nothing_pushed_is_an_empty_body(serve):
    _, fields, body = serve(pushing()).ask(get("/"))
    assert (fields["content-length"], body) == ("0", b"")


def test_a_body_of_unknown_length_goes_out_in_chunks(serve):
    source = Source(b"a", "é", b"x" * 100_000)
    peer = serve(pushing("<", source, ">")).connect().send(get("/"))
    assert peer.read_head()[1]["transfer-encoding"] == "chunked"
    assert peer.read_chunked() == "<aé".encode() + b"x" * 100_000 + b">"
    assert source.closed == 1


def test_an_http_1_0_client_reads_such_a_body_to_the_end_of_the_connection(serve):
    peer = serve(pushing("<", Source(b"a", "b"), ">")).connect()
    peer.send(get("/", "Connection: keep-alive", version="1.0"))
    _, fields = peer.read_head()
    assert fields["connection"] == "close"
    assert "transfer-encoding" not in fields
    assert peer.read_to_end() == b"<ab>"


def test_what_cannot_be_pushed_costs_a_500(serve):
    assert serve(pushing(12)).ask(get("/"))[0] == 500


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_none_whatever_is_pushed(serve, status: int):
    source = Source(b"more")

    def answer(request: Request) -> None:
        request.reply_code = status
        request.push("data")
        request.push(source)
        request.done()

    peer = serve(HELLO, Page("/", answer)).connect().send(get("/") + get("/hello"))
    _, fields = peer.read_head()
    assert not {"content-length", "transfer-encoding"} & set(fields)
    assert peer.read_reply()[2] == b"Hello\n"
    assert source.closed == 1


def test_a_204_has_no_length_even_if_the_handler_sets_one(serve):
    def answer(request: Request) -> None:
        request.reply_code = 204
        request["Content-Length"] = 0
        request.done()

    peer = serve(Page("/", answer)).connect().send(get("/"))
    assert "content-length" not in peer.read_head()[1]


# -- fields ------------------------------------------------------------------------------------


def test_date_and_server_are_always_there_and_may_be_replaced(serve):
    _, fields, _ = serve(pushing()).ask(get("/"))
    assert fields["server"] == "lifetime"
    assert fields["date"].endswith(" GMT")
    peer = serve(pushing(Server="mine", Date="never")).connect().send(get("/") + get("/"))
    answer = peer.send(get("/", "Connection: close")).read_to_end()
    assert answer.count(b"Server: mine\r\n") == answer.count(b"Server:") == 3
    assert answer.count(b"Date: never\r\n") == answer.count(b"Date:") == 3


def test_a_field_may_be_sent_twice(serve):
    def answer(request: Request) -> None:
        request.add_header("Set-Cookie", "a=1")
        request.add_header("set-cookie", "b=2")
        request.done()

    text = serve(Page("/", answer)).connect().send(get("/", "Connection: close")).read_to_end()
    assert b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" in text


def test_but_not_one_that_says_how_to_read_the_answer(serve):
    def answer(request: Request) -> None:
        request.add_header("Content-Length", 3)
        request.add_header("content-length", 3)
        request.push("abc")
        request.done()

    text = serve(Page("/", answer)).connect().send(get("/", "Connection: close")).read_to_end()
    assert text.count(b"Content-Length: 3\r\n") == text.count(b"Content-Length") == 1


def test_a_handler_may_end_the_connection(serve):
    peer = serve(pushing("x", Connection="Close")).connect().send(get("/") + get("/"))
    _, fields, body = peer.read_reply()
    assert (fields["connection"], body) == ("close", b"x")
    assert peer.read_to_end() == b""


INJECTIONS = [("X-A", "a\r\nX-B: b"), ("X-A", "a\nb"), ("X-A", "a\rb"), ("X-A", "a\0b"),
              ("X-A\r\nX-B", "a"), ("X A", "a"), ("", "a"), ("X-A", "\u010d\u010a"), ("X-A:", "a")]


@pytest.mark.parametrize(("name", "value"), INJECTIONS)
def test_header_injection_costs_a_500_and_nothing_of_it_is_sent(serve, name: str, value: str):
    def answer(request: Request) -> None:
        request[name] = value
        request.done()

    peer = serve(HELLO, Page("/", answer)).connect().send(get("/") + get("/hello"))
    status, fields, body = peer.read_reply()
    assert status == 500
    assert not {"x-a", "x-b"} & set(fields)
    assert b"X-B" not in body
    assert peer.read_reply()[2] == b"Hello\n"


@pytest.mark.parametrize("value", ["a\r\nX-B: b", "a\nX-B: b", "a\rX-B: b", "\u010d\u010a"])
@pytest.mark.parametrize("pushed", ["data", Source(b"data")])
def test_so_it_is_behind_the_back_of_the_request(serve, value: str, pushed: object):
    def answer(request: Request) -> None:
        request.reply_headers["X-A"] = value
        request.push(pushed)
        request.done()

    assert serve(Page("/", answer)).ask(get("/"))[0] == 500


@pytest.mark.parametrize("status", [100, 101, 199, 600, 0, -1, "200 OK\r\nX: y", None])
def test_a_status_that_no_answer_can_have_costs_a_500(serve, status: object):
    def answer(request: Request) -> None:
        request.reply_code = status  # type: ignore[assignment]
        request.push("data")
        request.done()

    assert serve(Page("/", answer)).ask(get("/"))[0] == 500


def test_a_status_without_a_name_is_sent_as_it_is(serve):
    def answer(request: Request) -> None:
        request.reply_code = 299
        request.done()

    assert serve(Page("/", answer)).ask(get("/"))[0] == 299


# -- declared lengths --------------------------------------------------------------------------


@pytest.mark.parametrize("pushed", ["abcdef", Source(b"abc", b"def")])
def test_more_than_the_declared_length_is_cut(serve, pushed: object):
    peer = serve(HELLO, pushing(pushed, Content_Length=4)).connect()
    peer.send(get("/") + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"abcd", b"Hello\n"]


@pytest.mark.parametrize("pushed", ["abc", Source(b"a", b"bc")])
def test_less_than_the_declared_length_ends_the_connection(serve, pushed: object):
    peer = serve(HELLO, pushing(pushed, Content_Length=4)).connect()
    peer.send(get("/") + get("/hello"))
    peer.read_head()
    assert peer.read_to_end() == b"abc"


@pytest.mark.parametrize("length", ["4x", "-4", "", "4, 4", "٤"])
def test_a_length_that_is_no_number_costs_a_500(serve, length: str):
    source = Source(b"data")

    def answer(request: Request) -> None:
        request.push(source)
        request["Content-Length"] = length
        request.done()

    assert serve(Page("/", answer)).ask(get("/"))[0] == 500
    assert source.closed == 1


@pytest.mark.parametrize("kind", [str, Source])
def test_a_declared_length_also_holds_for_an_answer_that_comes_bit_by_bit(serve, kind: type):
    def answer(request: Request) -> None:
        request["Content-Length"] = 4
        request.flush()
        for text in ("ab", "cd", "ef"):
            request.push(kind(text))
        request.done()

    peer = serve(HELLO, Page("/", answer)).connect().send(get("/") + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"abcd", b"Hello\n"]


def test_an_answer_that_comes_bit_by_bit_and_stays_too_short_ends_the_connection(serve):
    def answer(request: Request) -> None:
        request["Content-Length"] = 4
        request.flush()
        request.push("abc")
        request.done()

    peer = serve(HELLO, Page("/", answer)).connect().send(get("/") + get("/hello"))
    peer.read_head()
    assert peer.read_to_end() == b"abc"


def test_a_handler_that_does_the_transfer_coding_itself_is_let(serve):
    page = pushing("3\r\nabc\r\n0\r\n\r\n", Transfer_Encoding="chunked", Content_Length=3)
    peer = serve(HELLO, page).connect().send(get("/") + get("/hello"))
    assert "content-length" not in peer.read_head()[1]
    assert peer.read_chunked() == b"abc"
    assert peer.read_reply()[2] == b"Hello\n"


def test_but_not_for_an_http_1_0_client(serve):
    page = pushing("3\r\nabc\r\n0\r\n\r\n", Transfer_Encoding="chunked")
    assert serve(page).ask(get("/", version="1.0"))[0] == 500


# -- what goes wrong ---------------------------------------------------------------------------


def test_a_handler_that_raises_costs_its_request_a_500(serve, caplog):
    served = serve(HELLO, Page("/", lambda request: 1 / 0))
    peer = served.connect().send(get("/") + get("/hello"))
    status, fields, body = peer.read_reply()
    assert (status, fields["content-type"]) == (500, "text/html; charset=utf-8")
    assert b"Zero" not in body
    assert peer.read_reply()[0] == 200
    assert "ZeroDivisionError" in caplog.text
    assert served.site.exceptions == 1


def test_so_does_one_that_raises_when_it_is_asked_whether_it_wants_the_request(serve):
    class Broken:
        def match(self, request: Request) -> bool:
            raise RuntimeError("no idea")

        def handle_request(self, request: Request) -> None:
            raise AssertionError("never called")

    assert serve(Broken()).ask(get("/"))[0] == 500


def test_what_was_pushed_before_the_exception_is_thrown_away(serve):
    source = Source(b"data")

    def answer(request: Request) -> None:
        request["Content-Length"] = 100
        request["ETag"] = '"1"'
        request.push("half of it")
        request.push(source)
        raise ValueError("sorry")

    status, fields, body = serve(Page("/", answer)).ask(get("/"))
    assert (status, "etag" in fields) == (500, False)
    assert b"half of it" not in body
    assert source.closed == 1


def test_a_producer_that_fails_to_close_disturbs_nobody(serve):
    class Stubborn(Source):
        def close(self) -> None:
            raise OSError("no")

    def answer(request: Request) -> None:
        request.push(Stubborn(b"data"))
        raise ValueError("sorry")

    peer = serve(HELLO, pushing(Stubborn(b"data")), Page("/bad", answer)).connect()
    peer.send(get("/bad") + get("/", method="HEAD") + get("/hello"))
    assert peer.read_reply()[0] == 500
    assert peer.read_head()[0] == "HTTP/1.1 200 OK"
    assert peer.read_reply()[2] == b"Hello\n"


def test_an_exception_behind_done_changes_nothing(serve):
    def answer(request: Request) -> None:
        request.push("fine")
        request.done()
        raise ValueError("too late")

    peer = serve(HELLO, Page("/", answer)).connect().send(get("/") + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"fine", b"Hello\n"]


def test_an_exception_behind_the_first_byte_breaks_the_connection(serve):
    def answer(request: Request) -> None:
        request.push("begun")
        request.flush()
        raise ValueError("sorry")

    text = serve(Page("/", answer)).connect().send(get("/")).read_to_end()
    assert not text.endswith(b"0\r\n\r\n")


def test_an_exception_in_the_body_callback_costs_a_500(serve):
    page = Page("/", lambda request: request.read_body(lambda body: 1 / 0))
    peer = serve(HELLO, page).connect().send(post("/", b"abc") + get("/hello"))
    assert [peer.read_reply()[0] for _ in range(2)] == [500, 200]


def test_a_producer_that_raises_before_the_first_byte_costs_a_500(serve):
    empty, source, behind = Source(), Source(OSError("no disk")), Source(b"data")
    peer = serve(HELLO, pushing(empty, source, behind)).connect().send(get("/") + get("/hello"))
    assert [peer.read_reply()[0] for _ in range(2)] == [500, 200]
    assert [each.closed for each in (empty, source, behind)] == [1, 1, 1]


@pytest.mark.parametrize("fields", [{}, {"Content_Length": 100}])
def test_a_producer_that_raises_later_breaks_the_connection(serve, fields: dict[str, object]):
    source, behind = Source(b"a" * 100_000, OSError("no disk")), Source(b"data")
    if fields:
        fields = {"Content_Length": 200_000}
    peer = serve(HELLO, pushing(source, behind, **fields)).connect()
    peer.send(get("/") + get("/hello"))
    peer.read_head()
    text = peer.read_to_end()
    assert b"a" * 100_000 in text
    assert not text.endswith(b"0\r\n\r\n")
    assert [source.closed, behind.closed] == [1, 1]


def test_a_body_that_only_the_end_delimits_breaks_off_with_a_reset(serve):
    peer = serve(pushing(Source(b"a" * 100_000, OSError("no disk")))).connect()
    peer.send(get("/", version="1.0"))
    with pytest.raises(ConnectionResetError):
        peer.read_to_end()


def misuse(call: Callable[[Request], object]) -> tuple[list[str], Page]:
    """What a call behind done() raises."""
    raised: list[str] = []

    def answer(request: Request) -> None:
        request.push("fine")
        request.done()
        try:
            call(request)
        except MisuseError as error:
            raised.append(str(error))

    return raised, Page("/", answer)


@pytest.mark.parametrize(
    "call", [lambda r: r.done(), lambda r: r.push("more"), lambda r: r.error(500)]
)
def test_behind_done_there_is_nothing_to_say(serve, call: Callable[[Request], object]):
    raised, page = misuse(call)
    peer = serve(page, HELLO).connect().send(get("/") + get("/hello"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"fine", b"Hello\n"]
    assert len(raised) == 1
    assert "GET / is already done()" in raised[0]


# -- error pages -------------------------------------------------------------------------------


def test_an_error_page_is_a_short_escaped_text(serve):
    served = serve(Page("/", lambda request: request.error(403, "<script>")))
    status, fields, body = served.ask(get("/"))
    assert (status, fields["content-type"]) == (403, "text/html; charset=utf-8")
    assert b"<h1>403 Forbidden</h1>" in body
    assert b"&lt;script&gt;" in body


def test_an_error_page_does_not_repeat_what_the_client_sent(serve):
    assert b"secret" not in serve().ask(get("/secret?secret", "X-Secret: secret"))[2]


def test_an_error_replaces_what_was_pushed(serve):
    source = Source(b"data")

    def answer(request: Request) -> None:
        request.push(source)
        request.error(503)

    assert serve(Page("/", answer)).ask(get("/"))[0] == 503
    assert source.closed == 1


def test_an_error_behind_a_flush_breaks_the_connection(serve):
    def answer(request: Request) -> None:
        request.push("begun")
        request.flush()
        request.error(500)

    text = serve(Page("/", answer)).connect().send(get("/")).read_to_end()
    assert b"500" not in text
    assert not text.endswith(b"0\r\n\r\n")


# -- bit by bit --------------------------------------------------------------------------------


def test_what_is_flushed_arrives_before_the_answer_is_done(serve):
    streaming: list[Request] = []

    def begin(request: Request) -> None:
        request["Content-Type"] = "text/event-stream"
        request.push("data: 1\n\n")
        request.flush()
        streaming.append(request)

    served = serve(HELLO, Page("/events", begin))
    peer = served.connect().send(get("/events") + get("/hello"))
    assert peer.read_head()[1]["transfer-encoding"] == "chunked"
    assert peer.read_line() == b"9"
    assert peer.read(11) == b"data: 1\n\n\r\n"
    served.lifetime.call_soon_threadsafe(streaming[0].push, Source(b"two", b"three"))
    assert peer.read(16) == b"3\r\ntwo\r\n5\r\nthree"
    served.lifetime.call_soon_threadsafe(streaming[0].done)
    assert peer.read(7) == b"\r\n0\r\n\r\n"
    assert peer.read_reply()[2] == b"Hello\n"


def test_a_thread_may_send_bit_by_bit_and_nothing_is_lost_or_reordered(serve):
    def send(request: Request) -> None:
        for n in range(500):
            request.push(f"{n} ")
            if n == 100:
                request.flush()
        request.done()

    threads: list[threading.Thread] = []

    def begin(request: Request) -> None:
        threads.append(threading.Thread(target=send, args=(request,)))
        threads[-1].start()

    served = serve(Page("/", begin))
    for _ in range(10):
        peer = served.connect().send(get("/"))
        peer.read_head()
        assert peer.read_chunked() == b"".join(b"%d " % n for n in range(500))
    for thread in threads:
        thread.join()


def test_when_the_client_goes_what_is_pushed_later_is_closed(serve):
    streaming: list[Request] = []

    def begin(request: Request) -> None:
        request.flush()
        streaming.append(request)

    served = serve(HELLO, Page("/events", begin))
    peer = served.connect().send(get("/events"))
    peer.read_head()
    peer.sock.close()
    late, later = Source(b"data"), Source(b"data")
    served.ask(get("/hello"))
    done = threading.Event()
    served.lifetime.call_soon_threadsafe(streaming[0].channel.close)
    served.lifetime.call_soon_threadsafe(streaming[0].push, late)
    served.lifetime.call_soon_threadsafe(streaming[0].push, later)
    served.lifetime.call_soon_threadsafe(streaming[0].done)
    served.lifetime.call_soon_threadsafe(done.set)
    assert done.wait(5)
    assert [late.closed, later.closed] == [1, 1]
