"""What an old dispatcher lacks its socket has, as with Python 2's dispatchers."""

from __future__ import annotations

import pytest

from servers.medusa import http_server
from tests.medusa.test_replies import answers


def shown(serve, expression):
    """The value of an expression on a request that is being answered."""
    show = answers(
        lambda request: (request.push(repr(eval(expression, {}, {"r": request}))), request.done())
    )
    return eval(serve(show).get("/"))


def test_a_channel_has_the_names_of_its_socket(serve):
    channel, sock = shown(serve, "(r.channel.getsockname(), r.channel.socket.getsockname())")
    assert channel == sock


def test_a_server_has_the_names_of_its_socket(run):
    server = http_server.http_server("127.0.0.1", 0, None, None)
    assert server.getsockname() == server.socket.getsockname()
    assert server.family == server.socket.family
    server.close()


@pytest.mark.parametrize("name", ["getpeercert", "no_such_thing", "_sock"])
def test_what_the_socket_lacks_as_well_is_not_there(serve, name):
    assert shown(serve, f"hasattr(r.channel, {name!r})") is False


def test_what_is_parked_on_a_channel_under_such_a_name_stays(serve):
    assert shown(serve, "(setattr(r.channel, 'type', 'my own'), r.channel.type)[1]") == "my own"


def test_what_a_class_has_under_such_a_name_is_its_own(serve):
    class my_channel(http_server.http_channel):
        def shutdown(self):
            return "mine"

    class my_server(http_server.http_server):
        channel_class = my_channel

    def answer(request):
        request.push(request.channel.shutdown())
        request.done()

    assert serve(answers(answer), server=my_server).get("/") == b"mine"


def test_a_closed_server_has_them_no_more(run):
    server = http_server.http_server("127.0.0.1", 0, None, None)
    server.del_channel()
    server.socket.close()
    server.socket = None
    with pytest.raises(AttributeError, match="'http_server' object has no attribute 'getsockname'"):
        server.getsockname()


def test_a_class_has_none_of_them():
    assert not hasattr(http_server.http_channel, "getsockname")


@pytest.mark.parametrize("kind", ["http_channel", "http_server", "http_request"])
def test_no_class_on_the_way_of_a_request_makes_its_attributes_slow(kind):
    assert not hasattr(getattr(http_server, kind), "__getattr__")
