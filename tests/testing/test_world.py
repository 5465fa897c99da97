"""A world leaves nothing behind, whatever happens in it, and each run is like the one before."""

from __future__ import annotations

import gc
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lifetime
from lifetime import asyncore
from lifetime.testing import (
    Begin,
    Connect,
    Factory,
    Hold,
    Scenario,
    Send,
    Silent,
    SimulationLimit,
    Stop,
    Undo,
    Weather,
    World,
    simulate,
)
from lifetime.testing.trace import Did, Trace
from lifetime.testing.world.locks import simulated
from lifetime.testing.world.patches import _active
from servers.http import HTTPListener
from tests.testing.small import Channel, Listener, ignore, member

ROOT = Path(__file__).parent.parent.parent

#: Everything at once: bytes in pieces, an undo, a wall clock gone mad.
BUSY = Scenario(
    (Send(1, times=3), Begin(2), Hold(1), Stop(), Undo(after=0.1), Send(3), Stop(by="thread")),
    Weather(delay=0.002, segment=7, short_writes=True, spurious=True, wall_speed=-1.0),
    tape=(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5) * 4,
)


def http_server(world: World) -> object:
    return HTTPListener("127.0.0.1", 0)


class Surroundings:
    """What of the process a world touches."""

    def __init__(self) -> None:
        root = logging.getLogger()
        self.seen: list[Any] = [
            *(getattr(time, name) for name in ("time", "monotonic", "sleep", "perf_counter")),
            *(getattr(time, name) for name in ("time_ns", "localtime", "gmtime", "ctime")),
            *(getattr(socket, name) for name in ("socket", "socketpair", "getaddrinfo")),
            *(getattr(threading, name) for name in ("Lock", "RLock", "excepthook")),
            (threading.Thread.start, threading.Thread.join),
            getattr(os, "sendfile", None),
            id(asyncore.socket_map),
            id(sys.modules["asyncore"].socket_map),
            id(lifetime.socket_map),
            lifetime._default,
            lifetime.stopping,
            sys.stdout,
            (root.handlers, root.level, root.propagate, logging.root.manager.disable),
            [(log.handlers, log.level, log.propagate) for log in _loggers()],
            random.getstate(),
            gc.isenabled(),
            dict(asyncore.socket_map),
            dict(simulated),
            list(_active),
        ]
        self.held = len(_descriptors()), threading.active_count()


def _loggers() -> list[logging.Logger]:
    return [logging.getLogger("lifetime"), logging.getLogger("servers")]


def _descriptors() -> list[str]:
    return os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []


@pytest.fixture
def untouched() -> Iterator[None]:
    before = Surroundings()
    yield
    after = Surroundings()
    assert after.seen == before.seen
    # Fewer, if a thread of another test only now comes to its end.
    assert all(now <= then for now, then in zip(after.held, before.held, strict=True))


# What a run leaves behind


@pytest.mark.usefixtures("untouched")
def test_a_run_leaves_nothing_behind() -> None:
    assert simulate(http_server, BUSY).trace.entries


@pytest.mark.usefixtures("untouched")
def test_a_run_that_breaks_a_law_leaves_nothing_behind() -> None:
    def factory(world: World) -> None:
        member(world).clean_shutdown_control = None  # type: ignore[assignment]
        member(world).vetoes = 1e9

    run = simulate(factory, Scenario((Stop(),)))
    assert run.breach is not None
    assert run.breach.law == 7


class Fault(Exception):
    """Something of the user's own."""


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("error", [Fault, KeyboardInterrupt, SystemExit, SimulationLimit])
@pytest.mark.parametrize("starts_a_thread", [False, True])
def test_a_factory_that_raises_leaves_nothing_behind(
    error: type[BaseException], starts_a_thread: bool
) -> None:
    def factory(world: World) -> None:
        Listener(ignore)
        if starts_a_thread:
            threading.Thread(target=threading.Event().wait).start()
        raise error

    with pytest.raises(error):
        simulate(factory, Scenario())


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SimulationLimit])
def test_what_leaves_a_handler_leaves_nothing_behind(error: type[BaseException]) -> None:
    def fails(channel: Channel, data: bytes) -> None:
        raise error

    def factory(world: World) -> None:
        world.speaks(Silent("hello\r\n"))
        Listener(fails)

    with pytest.raises(error):
        simulate(factory, Scenario((Send(1),)))


@pytest.mark.usefixtures("untouched")
def test_a_handler_that_exits_breaks_law_8() -> None:
    def exits(channel: Channel, data: bytes) -> None:
        sys.exit(1)

    def factory(world: World) -> None:
        world.speaks(Silent("hello\r\n"))
        Listener(exits)

    breach = simulate(factory, Scenario((Send(1),))).breach
    assert breach is not None
    assert (breach.law, breach.sentence.partition(" at ")[0]) == (8, "SystemExit: 1 left the loop")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "loop",
    [lambda: sys.modules["asyncore"].loop(), lambda: lifetime.loop(), lambda: lifetime.run()],
    ids=["asyncore", "ours", "with signals"],
)
def test_a_factory_that_runs_a_main_loop_meets_the_limit_and_is_told_the_way_out(
    loop: Callable[[], object],
) -> None:
    def factory(world: World) -> None:
        http_server(world)
        loop()

    with pytest.raises(SimulationLimit, match=r"take asyncore\.loop\(\), .* out of the factory"):
        simulate(factory, Scenario())


def test_clients_of_our_http_listener_ask_for_the_root_if_nobody_tells_them() -> None:
    trace = simulate(http_server, Scenario((Send(1),))).trace
    assert [each.data["name"] for each in trace if each.did is Did.REQUEST] == ["GET /"]


@pytest.mark.usefixtures("untouched")
def test_a_handler_that_would_block_meets_the_limit_and_is_told_the_way_out() -> None:
    def waits(channel: Channel, data: bytes) -> None:
        channel.socket.setblocking(True)
        channel.socket.recv(1)

    def factory(world: World) -> None:
        world.speaks(Silent("hello\r\n"))
        Listener(waits)

    with pytest.raises(SimulationLimit, match=r"blocking mode.*setblocking\(False\)"):
        simulate(factory, Scenario((Send(1),)))


@pytest.mark.usefixtures("untouched")
def test_a_descriptor_of_the_real_system_meets_the_limit_and_is_told_the_way_out() -> None:
    reader, writer = os.pipe()

    def factory(world: World) -> None:
        channel = Channel.__new__(Channel)
        asyncore.dispatcher.__init__(channel)
        channel.set_file = None  # type: ignore[attr-defined]
        channel.clean_shutdown_control = lambda phase, time: None  # type: ignore[method-assign]
        world.map[reader] = channel

    try:
        with pytest.raises(SimulationLimit, match="inside the factory"):
            simulate(factory, Scenario())
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.usefixtures("untouched")
def test_one_world_may_be_inside_another() -> None:
    inner: list[Trace] = []

    def factory(world: World) -> None:
        inner.append(simulate(http_server, BUSY).trace)
        http_server(world)

    outer = simulate(factory, BUSY).trace
    assert inner[0].as_json_lines() == outer.as_json_lines()


@pytest.mark.usefixtures("untouched")
def test_a_world_runs_in_any_thread() -> None:
    traces: list[str] = []
    thread = threading.Thread(
        target=lambda: traces.append(simulate(http_server, BUSY).trace.as_json_lines())
    )
    thread.start()
    thread.join(30.0)
    assert traces == [simulate(http_server, BUSY).trace.as_json_lines()]


@pytest.mark.usefixtures("untouched")
def test_two_worlds_at_the_same_time_in_two_threads_are_refused() -> None:
    errors: list[BaseException] = []

    def second() -> None:
        try:
            simulate(member, Scenario())
        except BaseException as error:
            errors.append(error)

    started = threading.Event()
    proceed = threading.Event()

    def holding(world: World) -> None:
        started.set()
        real_wait(proceed)
        member(world)

    first = threading.Thread(target=lambda: simulate(holding, Scenario()))
    first.start()
    assert started.wait(10.0)
    second()
    proceed.set()
    first.join(10.0)
    assert len(errors) == 1
    assert isinstance(errors[0], SimulationLimit)
    assert "another thread" in str(errors[0])


def real_wait(event: threading.Event) -> None:
    """Wait in real time, whatever is exchanged: the event was made before the world."""
    end = real_monotonic() + 10.0
    while not event.is_set() and real_monotonic() < end:
        real_sleep(0.001)


real_sleep, real_monotonic = time.sleep, time.monotonic


# Each run is like the one before


def test_the_same_scenario_gives_the_same_trace_byte_for_byte() -> None:
    assert simulate(http_server, BUSY).trace.as_json_lines() == (
        simulate(http_server, BUSY).trace.as_json_lines()
    )


def test_other_runs_before_it_do_not_change_a_run() -> None:
    alone = simulate(http_server, BUSY).trace.as_json_lines()
    simulate(member, Scenario((Connect(), Stop())))
    simulate(http_server, Scenario((Send(1), Stop(fast=True))))
    garbage: list[Any] = []
    garbage.append(garbage)
    assert simulate(http_server, BUSY).trace.as_json_lines() == alone


def test_another_hash_seed_in_another_process_gives_the_same_trace() -> None:
    program = (
        "from tests.testing.test_world import BUSY, http_server, simulate\n"
        "import sys; sys.stdout.write(simulate(http_server, BUSY).trace.as_json_lines())\n"
    )
    traces = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert traces == {simulate(http_server, BUSY).trace.as_json_lines()}


def test_random_is_the_same_in_each_run_and_goes_on_outside_as_if_nothing_had_been() -> None:
    drawn: list[float] = []

    def factory(world: World) -> None:
        drawn.append(random.random())
        member(world)

    random.seed(7)
    expected = random.random(), random.random()
    random.seed(7)
    first = random.random()
    simulate(factory, Scenario())
    simulate(factory, Scenario())
    assert (first, random.random()) == expected
    assert drawn[0] == drawn[1]


def test_a_disabled_log_makes_no_difference() -> None:
    def warns(channel: Channel, data: bytes) -> None:
        logging.getLogger("somebody's").warning("oh")
        channel.close()

    def factory(world: World) -> None:
        world.speaks(Silent("hello\r\n"))
        Listener(warns)

    scenario = Scenario((Send(1),))
    told = simulate(factory, scenario).trace.as_json_lines()
    logging.disable(logging.CRITICAL)
    try:
        assert simulate(factory, scenario).trace.as_json_lines() == told
    finally:
        logging.disable(logging.NOTSET)
    assert '"oh"' in told


def test_a_socket_in_a_cycle_is_closed_at_the_end_in_each_run() -> None:
    """Not when the collector happens to come by, and it is no leak."""

    def factory(world: World) -> None:
        world.speaks(Silent("hello\r\n"))

        def forgets(channel: Channel, data: bytes) -> None:
            pair: list[Any] = [*socket.socketpair()]
            pair.append(pair)

        Listener(forgets)

    run = simulate(factory, Scenario((Send(1), Send(2), Stop(after=1.0))))
    assert not [entry for entry in run.trace if entry.did is Did.LEAK]


def test_many_runs_need_no_more_memory_than_a_few() -> None:
    def run_some(count: int) -> int:
        for number in range(count):
            simulate(http_server, Scenario((Send(1), Begin(2), Stop(after=0.1)), tape=(number,)))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    run_some(20)  # what is made once
    tracemalloc.start()
    try:
        few = run_some(20)
        many = run_some(100)
    finally:
        tracemalloc.stop()
    assert many - few < 50_000


# What the world gives to a factory


def test_the_default_loop_and_map_of_the_package_are_those_of_the_world() -> None:
    seen: list[object] = []

    def factory(world: World) -> None:
        seen.extend([lifetime.socket_map is world.map, lifetime.default() is world.lifetime])
        lifetime.call_later(1.0, seen.append, "called")
        member(world)

    simulate(factory, Scenario((Stop(after=2.0),)))
    assert seen == [True, True, "called"]


def test_the_factory_is_given_virtual_time() -> None:
    seen: list[float] = []

    def factory(world: World) -> None:
        seen.extend([time.time(), time.monotonic(), time.perf_counter()])
        time.sleep(100.0)
        seen.append(time.monotonic())
        member(world)

    began = time.monotonic()
    simulate(factory, Scenario())
    assert seen == [1e9, 5000.0, 5000.0, 5100.0]
    assert time.monotonic() - began < 50.0


def test_a_server_may_connect_to_itself() -> None:
    """As those do that wake themselves over a socket of the network."""
    heard: list[bytes] = []

    def factory(world: World) -> None:
        listener = Listener(lambda channel, data: heard.append(data))

        class Caller(asyncore.dispatcher):
            def handle_connect(self) -> None:
                self.send(b"it is me")
                self.close()

            def handle_error(self) -> None:
                raise

        caller = Caller()
        caller.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        caller.connect(listener.socket.getsockname())

    run = simulate(factory, Scenario((Stop(after=1.0),)))
    assert heard == [b"it is me"]
    assert run.breach is None


def test_a_thread_that_dies_is_told_in_the_trace() -> None:
    def factory(world: World) -> None:
        def fails() -> None:
            raise Fault("no luck")

        threading.Thread(target=fails, name="worker").start()
        member(world)

    trace = simulate(factory, Scenario()).trace
    logged = [entry.data["text"] for entry in trace if entry.did is Did.LOG]
    assert logged == ["thread 'worker' died of Fault: no luck"]


def test_events_may_be_added_by_the_factory() -> None:
    def factory(world: World) -> None:
        world.happens(Stop(exit_code=3, after=2.0))
        member(world)

    (ended,) = [each for each in simulate(factory, Scenario()).trace if each.did is Did.ENDED]
    assert (ended.at, ended.data["exit_code"]) == (2.0, 3)


def spins(world: World) -> None:
    """It polls for ever, and time never passes."""

    class Restless(Channel):
        def __init__(self) -> None:
            left, self.other = socket.socketpair()
            super().__init__(left, ignore)

        def writable(self) -> bool:
            return True

    Restless()


def waits_for_nobody(world: World) -> None:
    """The loop waits for ever, and nothing will happen."""
    world.stops_by_itself = False
    member(world)


@pytest.mark.parametrize(("factory", "did"), [(spins, Did.SPIN), (waits_for_nobody, Did.HANG)])
def test_a_run_without_end_is_ended(factory: Factory, did: Did) -> None:
    assert [entry for entry in simulate(factory, Scenario(), laws=[]).trace if entry.did is did]

