"""In simulated worlds: no law of the shutdown is broken, whatever comes and when."""

from __future__ import annotations

from typing import Any

import pytest

import lifetime
from lifetime.testing import Silent, World, check_dispatcher
from lifetime.testing.enumeration import Scope
from lifetime.testing.events import Begin, Connect, Finish, HangUp, Send, Stop, Undo
from servers.fcgi import FCGIListener
from servers.fcgi.records import Type, encode_pairs, encode_record
from tests.fcgi.dialect import FastCGI
from tests.fcgi.pages import Page, echo, hello
from tests.fcgi.web_server import asked, begin


def serve(answer: Any) -> None:
    """A listener on the world's loop."""
    site = FCGIListener()
    site.install_handler(Page(echo, "/echo"))
    site.install_handler(Page(answer), back=True)


def later(request: Any) -> None:
    """Answer after 0.3 s."""
    lifetime.call_later(0.3, hello, request)


def quick_site(world: World) -> None:
    world.speaks(FastCGI())
    serve(hello)


def slow_site(world: World) -> None:
    world.speaks(FastCGI())
    serve(later)


def site_among_strangers(world: World) -> None:
    """Of what they say nothing is claimed; but the stop goes its way."""
    world.speaks(
        Silent(
            asked(keep=True),
            asked("/echo", "POST", b"hello"),
            begin(2) + encode_record(Type.ABORT_REQUEST, 2),
            encode_record(Type.GET_VALUES, 0, encode_pairs([(b"FCGI_MPXS_CONNS", b"")])),
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        )
    )
    serve(later)


#: A web server sends nothing on a connection before it has the answer to what it sent there last.
ALPHABET = (
    Send(1, after=0.5),
    Send(2, 1, after=0.5),
    Begin(3, 1),
    Finish(3, after=0.1),
    Connect(4),
    HangUp(1),
    Stop(),
    Undo(),
)


@pytest.mark.parametrize("factory", [quick_site, slow_site])
def test_nothing_accepted_is_lost_whatever_the_order(factory: Any) -> None:
    check_dispatcher(factory, exhaustive=Scope(events=2, alphabet=ALPHABET))


@pytest.mark.slow
@pytest.mark.parametrize("factory", [quick_site, slow_site])
def test_nothing_accepted_is_lost_in_longer_orders(factory: Any) -> None:
    check_dispatcher(factory, exhaustive=Scope(events=3, alphabet=ALPHABET, most=3000))


@pytest.mark.slow
def test_strangers_do_not_keep_it_from_stopping() -> None:
    # Of strangers the harness does not know that they are in the middle of something, so it would
    # say (law 7) that we wait for them in vain.
    check_dispatcher(site_among_strangers, examples=300, laws=(1, 2, 3, 4, 5, 6, 8, 9, 10))
