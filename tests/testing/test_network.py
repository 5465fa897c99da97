"""What travels between two ends of a connection, and when."""

from __future__ import annotations

import socket

import pytest

from lifetime.testing import Weather
from lifetime.testing.world.addresses import as_key, shown
from lifetime.testing.world.endpoint import MAX_SEGMENTS, Endpoint
from lifetime.testing.world.network import RETRY, Deliveries, Network


class Sky:
    """A network, and its time."""

    def __init__(self, weather: Weather | None = None) -> None:
        self.now = 0.0
        self.network = Network(lambda: self.now, weather or Weather())

    def pair(self, capacity: int = 1000) -> tuple[Endpoint, Endpoint]:
        return self.network.pair(capacity)

    def until(self, when: float) -> None:
        """Everything that arrives by then has arrived."""
        while (due := self.network.deliveries.next()) is not None and due <= when:
            self.now = due
            self.network.deliveries.deliver_due(due)
        self.now = when


def test_deliveries_come_by_time_and_among_equals_as_they_were_sent() -> None:
    deliveries = Deliveries()
    seen: list[str] = []
    for when, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        deliveries.at(when, lambda name=name: seen.append(name))
    assert deliveries.next() == 1.0
    assert deliveries.deliver_due(1.5)
    assert not deliveries.deliver_due(1.5)
    deliveries.deliver_due(2.0)
    assert seen == ["a", "b", "c"]


def test_without_delay_bytes_are_there_at_once() -> None:
    left, right = Sky().pair()
    left.send(b"hello")
    assert right.inbox == b"hello"


def test_bytes_travel_and_the_end_comes_behind_them() -> None:
    sky = Sky(Weather(delay=0.5))
    left, right = sky.pair()
    left.send(b"hello")
    left.say_end()
    sky.until(0.4)
    assert (right.inbox, right.ended) == (b"", False)
    sky.until(0.5)
    assert (right.inbox, right.ended) == (b"hello", True)


def test_a_reset_never_overtakes_what_was_sent_before() -> None:
    sky = Sky(Weather(delay=0.1, segment=1))
    left, right = sky.pair()
    seen: list[tuple[int, bool]] = []
    right.arrived = lambda: seen.append((len(right.inbox), right.reset))
    left.send(b"abc")
    left.break_off()
    sky.until(5.0)
    assert seen == [(1, False), (2, False), (3, False), (3, True)]


def test_a_large_answer_comes_in_few_segments() -> None:
    sky = Sky(Weather(segment=1))
    left, right = sky.pair()
    arrivals: list[int] = []
    right.arrived = lambda: arrivals.append(len(right.inbox))
    left.send(b"x" * 1000)
    sky.until(1.0)
    assert len(arrivals) == MAX_SEGMENTS
    assert arrivals[-1] == 1000


def test_who_reads_nothing_takes_no_more_than_its_capacity_with_what_is_under_way() -> None:
    sky = Sky(Weather(delay=1.0))
    left, right = sky.pair(capacity=10)
    assert left.send(b"x" * 8) == 8
    assert left.room == 2
    assert left.send(b"x" * 8) == 2
    assert left.send(b"x") == 0
    sky.until(1.0)
    assert left.room == 0
    right.take(4)
    assert left.room == 4


@pytest.mark.parametrize("forgets", [False, True])
def test_a_reset_destroys_what_was_not_read_yet_where_systems_do_that(forgets: bool) -> None:
    left, right = Sky().pair()
    right.forgets = forgets
    left.send(b"hello")
    left.break_off()
    assert right.inbox == (b"" if forgets else b"hello")


@pytest.mark.parametrize("address", [("127.0.0.1", 80), ("127.0.0.1", 80, 0, 0)])
def test_who_listens_everywhere_is_found_at_each_address(address: tuple[str, int]) -> None:
    network = Sky().network
    door = network.listen(("0.0.0.0", 80), 5)
    assert network.door_at(as_key(address)) is door


def test_a_closed_door_is_tried_again_after_a_while() -> None:
    sky = Sky(Weather(filtered=True))
    door = sky.network.listen(("127.0.0.1", 80), 5)
    door.filtered = True
    seen: list[str] = []
    sky.network.connect(
        ("127.0.0.1", 80),
        lambda end, source: seen.append("connected"),
        lambda: seen.append("refused"),
    )
    sky.until(RETRY / 2)
    assert seen == []
    sky.network.shut(door)
    sky.until(RETRY)
    assert seen == ["refused"]


def test_who_waits_in_the_queue_of_a_door_that_shuts_is_reset() -> None:
    network = Sky().network
    door = network.listen(("127.0.0.1", 80), 5)
    ends: list[Endpoint] = []
    network.connect(("127.0.0.1", 80), lambda end, source: ends.append(end), lambda: None)
    assert network.shut(door) == 1
    assert ends[0].reset
    assert network.door_at(("127.0.0.1", 80)) is None


def test_addresses_are_shown_as_the_family_writes_them() -> None:
    assert shown(("127.0.0.1", 80), socket.AF_INET) == ("127.0.0.1", 80)
    assert shown(("127.0.0.1", 80), socket.AF_INET6) == ("::1", 80, 0, 0)
    assert shown(("0.0.0.0", 0), socket.AF_INET6) == ("::", 0, 0, 0)
    assert shown("/run/it", socket.AF_UNIX) == "/run/it"
    assert shown(("127.0.0.1", 80), socket.AF_UNIX) == ""
