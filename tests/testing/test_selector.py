"""The selector of a simulated world hands out what is ready, in an order of the tape."""

from __future__ import annotations

import pytest

from lifetime.selectors import HANG_UP, READ, WRITE
from lifetime.testing import SimulationLimit, Weather
from lifetime.testing.world.selector import SimulatedSelector
from lifetime.testing.world.tape import Tape
from tests.testing.test_sockets import Machine


def selector_of(machine: Machine, *choices: int) -> SimulatedSelector:
    return SimulatedSelector(machine.system, Tape(choices), lambda timeout, ready: ready())


def test_only_what_is_ready_for_what_is_watched_is_told() -> None:
    machine = Machine()
    left, right = machine.pair()
    selector = selector_of(machine)
    selector.watch(left.fileno(), READ)
    selector.watch(right.fileno(), READ)
    assert selector.poll(None) == []
    left.send(b"x")
    assert selector.poll(None) == [(right.fileno(), READ)]
    selector.watch(right.fileno(), READ | WRITE)
    assert selector.poll(None) == [(right.fileno(), READ | WRITE)]
    selector.forget(right.fileno())
    assert selector.poll(None) == []


def test_a_hang_up_is_told_whatever_is_watched() -> None:
    machine = Machine()
    left, right = machine.pair()
    selector = selector_of(machine)
    selector.watch(right.fileno(), WRITE)
    left.close()
    assert selector.poll(None) == [(right.fileno(), WRITE | HANG_UP)]


@pytest.mark.parametrize(("choices", "order"), [((), [0, 1, 2]), ((2, 1), [2, 1, 0])])
def test_the_order_is_the_tapes(choices: tuple[int, ...], order: list[int]) -> None:
    machine = Machine()
    pairs = [machine.pair() for _ in range(3)]
    selector = selector_of(machine, *choices)
    for left, _ in pairs:
        selector.watch(left.fileno(), WRITE)
    told = [fd for fd, _ in selector.poll(None)]
    assert told == [pairs[number][0].fileno() for number in order]


def test_a_closed_descriptor_is_forgotten_as_epoll_does() -> None:
    machine = Machine()
    left, _right = machine.pair()
    selector = selector_of(machine)
    selector.watch(left.fileno(), WRITE)
    number = left.fileno()
    left.close()
    assert selector.poll(None) == []
    assert number not in selector.watched
    with pytest.raises(OSError, match="is closed"):
        selector.watch(number, READ)


def test_a_descriptor_of_the_system_meets_the_limit() -> None:
    with pytest.raises(SimulationLimit, match="descriptor 0 is one of the real system"):
        selector_of(Machine()).watch(0, READ)


def test_an_idle_connection_is_sometimes_called_ready_if_the_weather_has_it() -> None:
    machine = Machine(Weather(spurious=True))
    _, client, channel = machine.connected()
    channel.connection = 1
    selector = selector_of(machine, 1)
    selector.watch(channel.fileno(), READ)
    selector.watch(client.fileno(), WRITE)
    assert (channel.fileno(), READ) in selector.poll(None)
    assert (channel.fileno(), READ) not in selector.poll(None)  # the tape is at its end
