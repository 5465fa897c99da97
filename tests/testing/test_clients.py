"""What the clients of a simulated world do, and what they note."""

from __future__ import annotations

from typing import Any

import pytest

from lifetime.testing import Lines, Silent, Weather
from lifetime.testing.trace import Did
from lifetime.testing.world.clients import Client, Place
from lifetime.testing.world.endpoint import Endpoint
from lifetime.testing.world.network import Network

ADDRESS = ("127.0.0.1", 8001)

LINES = Lines("ping", "pong", goodbye="bye")


class Street:
    """A network with one door, a client before it, and all that the client notes."""

    def __init__(self, dialect: Any = LINES, weather: Weather | None = None) -> None:
        self.now = 0.0
        self.notes: list[tuple[Did, dict[str, Any]]] = []
        self.network = Network(lambda: self.now, weather or Weather())
        self.door = self.network.listen(ADDRESS, 5)
        self.place: Place | None = Place(ADDRESS, dialect)
        self.count = 0
        self.client = Client(
            "client 1", self.network, lambda: self.place, self.number, self.note
        )

    def number(self, end: Endpoint) -> int:
        self.count += 1
        return self.count

    def note(self, who: str, did: Did, **details: Any) -> None:
        assert who == "client 1"
        self.notes.append((did, details))

    def accept(self) -> Endpoint:
        return self.door.queue.popleft()[0]

    def told(self, did: Did) -> list[dict[str, Any]]:
        return [details for each, details in self.notes if each is did]


def test_a_request_is_sent_whole_and_its_answer_is_noted() -> None:
    street = Street()
    street.client.send(0)
    server = street.accept()
    assert server.take(100) == b"ping\r\n"
    server.send(b"yes\r\n")
    assert street.told(Did.ANSWER) == [
        {"connection": 1, "number": 1, "status": "yes", "final": False, "refusal": False}
    ]
    assert street.client.owed == []


def test_half_a_request_waits_for_its_other_half() -> None:
    street = Street()
    street.client.begin(1)
    server = street.accept()
    assert server.take(100) == b"pon"
    assert street.told(Did.REQUEST) == []
    street.client.send(0)  # the rest of what was begun comes first
    assert server.take(100) == b"g\r\n"
    assert [each["name"] for each in street.told(Did.REQUEST)] == ["pong"]


def test_who_holds_reads_nothing_until_it_reads_on() -> None:
    street = Street()
    street.client.send(0)
    street.client.hold()
    street.accept().send(b"yes\r\n")
    assert street.told(Did.ANSWER) == []
    street.client.read_on()
    assert len(street.told(Did.ANSWER)) == 1


def test_who_is_told_goodbye_hangs_up() -> None:
    street = Street()
    street.client.connect()
    server = street.accept()
    server.send(b"bye\r\n")
    assert not street.client.connected
    assert server.ended


def test_an_end_without_goodbye_is_noted_with_what_is_owed() -> None:
    street = Street()
    street.client.send(0)
    server = street.accept()
    server.take(100)
    server.close()
    (end,) = street.told(Did.END)
    assert (end["by"], end["how"], end["owed"], end["untold"]) == ("server", "close", 1, True)


def test_a_reset_is_noted_and_what_was_not_read_is_lost_with_it() -> None:
    street = Street()
    street.client.send(0)
    street.client.hold()
    server = street.accept()
    server.send(b"yes\r\n")
    server.close()  # with the request unread
    (end,) = street.told(Did.END)
    assert end["how"] == "reset"
    assert street.told(Did.ANSWER) == []


def test_a_client_whose_connection_has_ended_connects_anew() -> None:
    street = Street()
    street.client.send(0)
    street.accept().close()
    street.client.send(0)
    assert len(street.told(Did.CONNECT)) == 2
    assert street.accept().take(100) == b"ping\r\n"


def test_nobody_listening_is_a_refusal() -> None:
    street = Street()
    street.network.shut(street.door)
    street.client.send(0)
    assert street.told(Did.REFUSED) == [{"address": ADDRESS}]
    assert not street.client.connected


def test_who_knows_no_place_does_nothing() -> None:
    street = Street()
    street.place = None
    street.client.send(0)
    street.client.begin(0)
    street.client.finish()
    street.client.hold()
    street.client.half_close()
    street.client.hang_up()
    assert street.notes == []


def test_what_it_is_owed_is_noted_when_it_hangs_up_itself() -> None:
    street = Street()
    street.client.send(0)
    street.client.hang_up()
    (end,) = street.told(Did.END)
    assert (end["by"], end["owed"]) == ("client", 1)


def test_a_request_of_any_size_arrives_whole() -> None:
    street = Street(Silent(b"x" * 5_000_000))
    street.client.send(0)
    assert len(street.accept().inbox) == 5_000_000


def test_bytes_that_answer_nothing_are_surplus() -> None:
    street = Street()
    street.client.connect()
    street.accept().send(b"good day\r\n")
    assert len(street.told(Did.SURPLUS)) == 1


@pytest.mark.parametrize("segment", [0, 1, 7])
def test_answers_are_the_same_in_any_pieces(segment: int) -> None:
    street = Street(weather=Weather(segment=segment, delay=0.01))
    street.client.send(0)
    server = street.accept()
    server.send(b"a long answer to a short question\r\n")
    while (when := street.network.deliveries.next()) is not None:
        street.now = when
        street.network.deliveries.deliver_due(when)
    assert [each["status"] for each in street.told(Did.ANSWER)] == [
        "a long answer to a short question"
    ]
