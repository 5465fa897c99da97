"""A test steps through a simulated world, as users do."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import lifetime
from lifetime import Phase
from lifetime.testing import (
    HTTP,
    LawBroken,
    Lines,
    Send,
    SimulationLimit,
    SteppedWorld,
    Stop,
    Weather,
    World,
    replay,
)
from lifetime.testing.trace import Did
from lifetime.testing.world.patches import _active
from servers.http import HTTPListener
from tests.testing.small import Channel, Listener, Member, member


class Slow:
    """Answers two seconds later, as something that waits for a database."""

    def match(self, request: Any) -> bool:
        return True

    def handle_request(self, request: Any) -> None:
        def answer() -> None:
            request.push(b"late")
            request.done()

        lifetime.call_later(2.0, answer)


def slow_server(world: World) -> object:
    world.speaks(HTTP("/report"))
    listener = HTTPListener("127.0.0.1", 0)
    listener.install_handler(Slow())
    return listener


def echo_server(world: World) -> object:
    world.speaks(Lines("ping"))

    def echo(channel: Channel, data: bytes) -> None:
        channel.send(data)

    return Listener(echo)


def unfaithful_server(world: World) -> object:
    """It hangs up instead of answering."""
    world.speaks(Lines("ping"))
    return Listener(lambda channel, data: channel.close())


# As users write them


def test_a_slow_answer_holds_the_shutdown_and_arrives() -> None:
    with SteppedWorld() as world:
        world.start(slow_server)
        client = world.client()
        client.send()
        world.stop()
        world.advance(1.0)
        assert world.phase is Phase.DRAINING
        assert client.owed == [1]
        world.advance(1.0)
        assert client.received.endswith(b"late")


def test_who_connects_behind_phase_2_is_refused() -> None:
    with SteppedWorld() as world:
        world.start(slow_server)
        world.client(1).send()
        world.stop()
        world.advance(0.5)
        world.client(2).connect()
        assert not world.client(2).connected


def test_an_undone_stop_serves_on() -> None:
    def held_back(world: World) -> object:
        class Cautious(Member):
            def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
                return phase == 1 or super().clean_shutdown_control(phase, time_in_phase)

        cautious = Cautious(world)
        world.lifetime.on_phase(lambda phase: phase == 0 and cautious.close())
        return echo_server(world)

    with SteppedWorld() as world:
        world.start(held_back)
        world.stop()
        assert world.phase is Phase.WITHDRAWING
        world.undo()
        assert world.phase is Phase.RUNNING
        world.client().send()
        assert world.client().received == b"ping\r\n"


# What it promises


def test_start_returns_what_the_factory_returns() -> None:
    with SteppedWorld() as world:
        assert isinstance(world.start(echo_server), Listener)
        assert world.server is not None


def test_a_broken_law_is_raised_where_it_breaks_and_once() -> None:
    world = SteppedWorld()
    world.start(unfaithful_server)
    with pytest.raises(LawBroken) as caught:
        world.client().send()
        world.finish()
    assert caught.value.law == 5
    run = world.finish()
    assert run.breach is not None


def test_the_report_of_a_broken_law_replays_it() -> None:
    world = SteppedWorld()
    world.start(unfaithful_server)
    with pytest.raises(LawBroken) as caught:
        world.advance(3.0)
        world.client(2).send()
        world.finish()
    scenario = caught.value.run.scenario
    assert [each.after for each in scenario.events] == [3.0]
    with pytest.raises(LawBroken) as again:
        replay(unfaithful_server, scenario)
    assert again.value.law == caught.value.law


def test_time_passes_only_when_it_is_told_to() -> None:
    with SteppedWorld() as world:
        world.start(member)
        assert world.now == 0.0
        world.advance(2.5)
        assert world.now == 2.5
        world.happens(Stop(after=1.5))
        assert world.now == 4.0


def test_while_the_test_has_the_baton_nothing_is_exchanged() -> None:
    real = time.monotonic, threading.Lock
    with SteppedWorld() as world:
        world.start(echo_server)
        assert (time.monotonic, threading.Lock) == real
        world.client().send()
        assert (time.monotonic, threading.Lock) == real
        assert _active == []


def test_two_worlds_may_be_stepped_in_turn() -> None:
    with SteppedWorld() as one, SteppedWorld() as other:
        one.start(echo_server)
        other.start(echo_server)
        one.client().send()
        other.client().send()
        assert one.client().received == other.client().received == b"ping\r\n"


def test_an_error_of_the_factory_is_raised_by_start() -> None:
    def fails(world: World) -> None:
        raise KeyError("no such table")

    world = SteppedWorld()
    with pytest.raises(KeyError):
        world.start(fails)
    world.close()
    assert world.ended


def test_a_limit_is_raised_in_the_test() -> None:
    def blocks(channel: Channel, data: bytes) -> None:
        channel.socket.settimeout(5.0)
        channel.socket.recv(1)

    def factory(world: World) -> None:
        world.speaks(Lines("ping"))
        Listener(blocks)

    world = SteppedWorld()
    world.start(factory)
    with pytest.raises(SimulationLimit):
        world.client().send()
    world.finish()


def test_a_loop_that_does_not_come_back_is_given_up_with_a_sentence() -> None:
    stuck = threading.Event()
    really_wait = time.sleep

    def computes(channel: Channel, data: bytes) -> None:
        while not stuck.is_set():
            really_wait(0.001)

    def factory(world: World) -> None:
        world.speaks(Lines("ping"))
        Listener(computes)

    world = SteppedWorld()
    world.start(factory)
    world.real_patience = 0.2
    real = time.monotonic
    try:
        with pytest.raises(RuntimeError, match=r"has not come back for 0\.2 s"):
            world.client().send()
        assert time.monotonic is real
        assert _active == []
        world.close()
    finally:
        stuck.set()
        assert world._thread is not None
        world._thread.join(10.0)
    assert time.monotonic is real
    assert _active == []


def test_nothing_happens_before_the_start() -> None:
    world = SteppedWorld()
    for call in (lambda: world.advance(1.0), lambda: world.client().send(), lambda: world.stop()):
        with pytest.raises(RuntimeError, match="before start"):
            call()
    world.finish()


def test_a_world_is_started_once() -> None:
    with SteppedWorld() as world:
        world.start(member)
        with pytest.raises(RuntimeError, match="another SteppedWorld"):
            world.start(member)


def test_behind_the_end_nothing_happens_any_more() -> None:
    with SteppedWorld() as world:
        world.start(member)
        world.stop()
        assert world.ended
        now = world.now
        world.client().send()
        world.advance(5.0)
        assert world.now == now


def test_only_the_laws_that_count_are_raised() -> None:
    with SteppedWorld(laws=[1, 2]) as world:
        world.start(unfaithful_server)
        world.client().send()


def test_the_weather_is_that_of_the_test() -> None:
    with SteppedWorld(weather=Weather(delay=0.5)) as world:
        world.start(echo_server)
        world.client().send()
        assert world.client().received == b""
        world.advance(1.0)
        assert world.client().received == b"ping\r\n"


def test_bytes_may_be_pushed_that_are_no_request() -> None:
    with SteppedWorld(laws=[1, 2, 3, 4]) as world:
        world.start(echo_server)
        world.client().push(b"any\0thing")
        assert world.client().received == b"any\0thing"


def test_each_thing_that_a_client_can_do() -> None:
    with SteppedWorld() as world:
        world.start(echo_server)
        client = world.client()
        client.connect()
        assert client.connected
        client.begin()
        assert client.received == b"pin"
        client.hold()
        client.finish()
        assert client.received == b"pin"
        client.read_on()
        assert client.received == b"ping\r\n"
        client.hang_up()
        assert not client.connected
        client.send(times=2)
        assert client.received == b"ping\r\n" * 2
        client.reset()
        world.client(2).connect()
        world.client(2).half_close()
        assert not world.client(2).connected


def test_time_that_has_passed_while_the_loop_stood_still_is_waited_for_no_more() -> None:
    """A fast stop has one second, of which the loop waits for the rest."""
    with SteppedWorld() as stepped:
        stepped.start(lambda world: Member(world, vetoes=0.9))
        stepped.stop(fast=True)
        stepped.advance(0.7)
        waits = [entry for entry in stepped.finish().trace if entry.did is Did.WAIT]
    assert [entry.data["seconds"] for entry in waits if entry.at == 0.7] == [pytest.approx(0.3)]


def test_the_story_of_a_stepped_run_misses_none_of_its_events() -> None:
    with pytest.raises(LawBroken) as broken, SteppedWorld() as stepped:
        stepped.start(unfaithful_server)
        stepped.happens(Send(1))
        stepped.happens(Stop())
    assert "ended too early" not in str(broken.value)
