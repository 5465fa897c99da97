"""A stop that is taken back in phase 1: everybody hears `ready` again, and nothing was harmed."""

from __future__ import annotations

from collections.abc import Callable

from lifetime import Phase
from servers.frontends import Availability
from tests.frontends.conftest import Told
from tests.wire.pages import get

Tell = Callable[..., Told]


def take_back(told: Told) -> None:
    told.in_loop(told.lifetime.resume)
    told.reaches(Phase.RUNNING)


def test_every_dialect_says_ready_again(tell: Tell) -> None:
    told = tell()
    told.begin_to_stop()
    assert (told.status("/readyz"), told.agent_is_told()) == (503, b"drain\n")
    take_back(told)
    assert told.front_ends.availability is Availability.READY
    assert told.probe("/readyz")[::2] == (200, b"ok\n")
    assert told.ask(get("/healthz"))[::2] == (200, b"ok\n")
    assert told.agent_is_told() == b"up ready 100%\n"


def test_no_connection_was_harmed(tell: Tell) -> None:
    told = tell()
    quiet, busy = told.connect(), told.connect()
    assert quiet.send(get("/hello")).read_reply()[0] == 200
    busy.send(get("/slow"))
    assert told.ask(get("/hello"))[0] == 200  # by now the loop has read what came before
    told.begin_to_stop()
    take_back(told)
    assert quiet.send(get("/hello")).read_reply()[2] == b"Hello\n"
    told.in_loop(told.in_flight[0].done)
    status, fields, _ = busy.read_reply()
    assert (status, fields.get("connection")) == (200, None)


def test_the_next_stop_waits_for_the_same_ones_anew(tell: Tell) -> None:
    told = tell(health={"fall": 1})
    told.status(), told.status()
    told.begin_to_stop()
    told.status()
    take_back(told)
    told.begin_to_stop()
    assert "a prober at 127.0.0.1 has not acted yet" in told.vetoes
    told.status()
    told.go_on()
    assert told.ended().orderly
