"""Idioms 16 and 17: internals that are read, and names that are imported from the wrong place."""

from __future__ import annotations

import pytest

from servers.http import Request
from servers.medusa import (
    auth_handler,
    default_handler,
    fifo,
    http_date,
    http_server,
    producers,
    script_handler,
    virtual_handler,
    xmlrpc_handler,
)
from servers.zserver import HTTPServer
from tests.medusa.conftest import get
from tests.medusa.test_replies import answers


def show(expression):
    """A handler that answers with the value of an expression on the request."""
    return answers(
        lambda request: (request.push(repr(eval(expression, {}, {"r": request}))), request.done())
    )


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("(r.split_uri(), r._split_uri)", "(('/a', ';p', '?q', None), ('/a', ';p', '?q', None))"),
        ("r.request", "'GET /a;p?q HTTP/1.1'"),
        ("(r.header, r.get_header('HOST'), r._header_cache)", "(['Host: x'], 'x', {'host': 'x'})"),
        ("(r.version, r.reply_code, r.collector)", "('1.1', 200, None)"),
        ("r.channel.server.handlers[0].match(r)", "1"),
        ("r.get_header('missing')", "None"),
        ("r.response(404)", "'HTTP/1.1 404 Not Found'"),
        ("(r.push('one'), r.outgoing[-1])[1]", "b'one'"),
    ],
)
def test_what_handlers_read_of_a_request(serve, expression, expected):
    assert serve(show(expression)).get("/a;p?q").decode().endswith(expected)


def test_a_request_of_the_engine_has_all_that_the_constructor_of_its_base_gives(serve):
    seen = []

    def answer(request):
        base = Request(request.channel, request.head, 0)
        seen.append((what_is_set(request), what_is_set(base)))
        request.done()

    peer = serve(answers(answer)).connect()
    for _ in range(3):  # the first is made by its constructor, others perhaps by the lane
        peer.send(get("/")).read_reply()
    for ours, base in seen:
        assert ours >= base >= {"channel", "path", "reply_headers", "_more_headers"}
        assert "_path" in ours
    assert seen[0] == seen[1] == seen[2]


def what_is_set(thing):
    """Names of all that an object has of its own, in slots or elsewhere."""
    slots = {name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())}
    return {*vars(thing)} | {name for name in slots if hasattr(thing, name)}


def test_a_number_behind_the_back_of_a_request_becomes_text_the_fourth_time_too(serve):
    values = ["5"] * 3 + [5]

    def answer(request):
        request.reply_headers["Content-Length"] = values.pop(0)
        request.reply_headers["X-Number"] = len(values)
        request.push("hello")
        request.done()

    peer = serve(answers(answer)).connect()
    for left in (3, 2, 1, 0):
        fields = peer.send(get("/")).read_reply()[1]
        assert (fields["content-length"], fields["x-number"]) == ("5", str(left))


def test_a_line_added_to_the_header_is_found(serve):
    def answer(request):
        request.header.append("X-Added: yes")
        request.push(request.get_header("x-added"))
        request.done()

    assert serve(answers(answer)).get("/") == b"yes"


def test_attributes_parked_on_a_request_stay(serve):
    class parking:
        def match(self, request):
            request.my_own = "parked"
            return 0

    assert serve(show("r.my_own"), parking()).get("/") == b"'parked'"


def test_raw_header_lines_are_searched_by_an_expression():
    lines = ["Host: x", "Content-Length: 12", "Cookie: a=b"]
    assert http_server.get_header(script_handler.CONTENT_LENGTH, lines) == "12"
    assert http_server.get_header(http_server.CONNECTION, lines) == ""
    assert http_server.get_header_match(script_handler.CONTENT_LENGTH, lines)[1] == "12"


@pytest.mark.parametrize(
    "line, parts",
    [
        ("GET /x HTTP/1.1", ("GET", "/x", "1.1")),
        ("GET /x", ("GET", "/x", None)),
        ("nonsense", (None, None, None)),
    ],
)
def test_a_request_line_is_cracked(line, parts):
    assert http_server.crack_request(line) == parts


def test_continuation_lines_are_joined():
    assert http_server.join_headers(["A: b", " c", "D: e"]) == ["A: bc", "D: e"]


def test_names_are_found_where_they_were_imported_from():
    assert http_server.unquote("%41") == default_handler.unquote("%41") == "A"
    assert http_server.splitquery("/a?b") == ("/a", "b")
    assert http_server.fifo is fifo.fifo
    assert http_server.http_date.monthname[1] == "Jan"
    assert http_server.tz_for_log == http_server.compute_timezone_for_log()
    assert default_handler.get_header is http_server.get_header is xmlrpc_handler.get_header
    assert auth_handler.get_header is virtual_handler.get_header is HTTPServer.get_header
    assert http_server.producers is producers


def test_everything_a_module_offers_is_there():
    for module in (http_server, default_handler, auth_handler, http_date, script_handler):
        for name in module.__all__:
            assert hasattr(module, name), (module, name)


def test_dates_are_read_in_all_three_forms():
    when = 1057278242
    assert http_date.build_http_date(when) == "Fri, 04 Jul 2003 00:24:02 GMT"
    for text in (
        "Fri, 04 Jul 2003 00:24:02 GMT",
        "Friday, 04-Jul-03 00:24:02 GMT",
        "Fri Jul  4 00:24:02 2003",
    ):
        assert http_date.parse_http_date(text) == when
    assert http_date.parse_http_date("yesterday") == 0


def test_a_fifo_gives_pairs():
    queue = fifo.fifo(["a"])
    queue.push("b")
    queue.push_front("z")
    assert (queue.first(), len(queue), queue.is_empty()) == ("z", 3, False)
    assert [queue.pop() for _ in range(4)] == [(1, "z"), (1, "a"), (1, "b"), (0, None)]


def test_a_counter_gives_its_old_value():
    counter = http_server.counter(5)
    assert (counter.increment(), counter.decrement(2), counter.as_long()) == (5, 6, 4)
    assert (str(counter), bool(counter), bool(http_server.counter())) == ("4", True, False)


def test_a_form_with_cookies_and_query(serve):
    body = serve(show("(r.get_header('cookie'), r.split_uri()[2])")).ask(
        get("/?a=%20b", "Cookie: k=1; l=2")
    )[2]
    assert body == b"('k=1; l=2', '?a=%20b')"
