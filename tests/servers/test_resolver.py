"""Resolver: answers, the lack of them, and who may give them; over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from threading import Event
from typing import Any

import pytest

from lifetime import Lifetime, Patience
from servers import resolver as resolver_module
from servers.dns import Answer, Kind, write_question
from servers.resolver import Cache, Resolver
from tests.servers.name_server import (
    NameServer,
    address,
    authority,
    knows,
    name_server,
    pointer,
    reply,
    silent,
)

WWW = "www.example"
HERE = address(WWW, "192.0.2.1")


@pytest.fixture
def lifetime() -> Iterator[Lifetime]:
    lifetime = Lifetime(patience=Patience(phase=5.0))
    yield lifetime
    assert not lifetime.map, "a socket was left behind"


def resolver_of(server: NameServer, lifetime: Lifetime, **settings: Any) -> Resolver:
    settings.setdefault("timeout", 5.0)
    return Resolver("127.0.0.1", port=server.port, lifetime=lifetime, **settings)


class Told:
    """A callback that keeps what it is told, and ends the loop when it has been told enough."""

    def __init__(self, lifetime: Lifetime) -> None:
        self.lifetime = lifetime
        self.answers: list[Answer] = []

    def __call__(self, answer: Answer) -> None:
        self.answers.append(answer)

    def wait(self, most: float = 10.0) -> list[tuple[str, ...]]:
        """The values of the answers, once no question is on its way any more."""
        limit = self.lifetime.call_later(most, self.lifetime.shutdown)
        self.lifetime.lifetime_loop()
        assert limit.active, f"no answer in {most} s"
        limit.cancel()
        return [each.values for each in self.answers]


@pytest.fixture
def told(lifetime: Lifetime) -> Told:
    return Told(lifetime)


# -- what is found -----------------------------------------------------------------------------


def test_a_name_has_an_address(lifetime: Lifetime, told: Told):
    with name_server(knows(HERE)) as server:
        resolver_of(server, lifetime).look_up(WWW, told)
        assert told.wait() == [("192.0.2.1",)]
    assert told.answers[0].ttl == 60


def test_and_one_of_version_6(lifetime: Lifetime, told: Told):
    with name_server(knows(address(WWW, "2001:db8::1"))) as server:
        resolver_of(server, lifetime).look_up(WWW, told, Kind.AAAA)
        assert told.wait() == [("2001:db8::1",)]


def test_an_alias_is_followed(lifetime: Lifetime, told: Told):
    alias = pointer("mail.example", WWW, kind=Kind.CNAME)
    with name_server(knows(alias, HERE)) as server:
        resolver_of(server, lifetime).look_up("mail.example", told)
        assert told.wait() == [("192.0.2.1",)]


@pytest.mark.parametrize(
    ("ip", "asked"),
    [("192.0.2.1", "1.2.0.192.in-addr.arpa"), ("::1", "1." + "0." * 31 + "ip6.arpa")],
)
def test_an_address_has_a_name(lifetime: Lifetime, told: Told, ip: str, asked: str):
    with name_server(knows(pointer(asked, WWW))) as server:
        resolver_of(server, lifetime).look_up_address(ip, told)
        assert told.wait() == [(WWW,)]


@pytest.mark.parametrize("code", [0, 3])
def test_there_may_be_nothing(lifetime: Lifetime, told: Told, code: int):
    with name_server(knows(code=code)) as server:
        resolver_of(server, lifetime).look_up(WWW, told)
        assert told.wait() == [()]
        assert len(server.asked) == 1


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64])
def test_what_is_no_name_is_not_asked_for(lifetime: Lifetime, told: Told, name: str):
    with pytest.raises(ValueError, match="no name of DNS"):
        Resolver(lifetime=lifetime).look_up(name, told)


def test_what_is_no_address_is_not_asked_for(lifetime: Lifetime, told: Told):
    with pytest.raises(ValueError, match="does not appear to be"):
        Resolver(lifetime=lifetime).look_up_address("a host", told)


def test_a_resolver_needs_an_address(lifetime: Lifetime):
    with pytest.raises(ValueError, match="needs the IP address of a DNS server, not 'ns'"):
        Resolver("ns", lifetime=lifetime)


# -- who may answer ----------------------------------------------------------------------------


def test_ids_and_ports_cannot_be_foreseen(lifetime: Lifetime, told: Told):
    with name_server(knows()) as server:
        resolver = resolver_of(server, lifetime)
        for number in range(20):
            resolver.look_up(f"{number}.example", told)
        told.wait()
        ids = [int.from_bytes(each[:2], "big") for each in server.asked]
        ports = [port for _, port in server.askers]
    assert len(set(ids)) > 15 and len(set(ports)) > 15
    steps = {after - before for before, after in pairwise(ids)}
    assert len(steps) > 10


Wrong = Callable[[bytes], bytes]


def number(question: bytes) -> int:
    return int.from_bytes(question[:2], "big")


def to_another(question: bytes, name: str, kind: int) -> bytes:
    """An answer with our id, to a question that we have not asked."""
    ip = "6.6.6.6" if kind == Kind.A else "::6"
    return reply(write_question(number(question), name, kind), address(name, ip))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda question: b"",
        lambda question: b"nonsense" * 10,
        lambda question: question,
        lambda question: reply(question, address(WWW, "6.6.6.6"))[:-1],
        lambda question: reply(question, address(WWW, "6.6.6.6"), id=number(question) ^ 1),
        lambda question: to_another(question, "bank.example", Kind.A),
        lambda question: to_another(question, WWW, Kind.AAAA),
    ],
    ids=["empty", "nonsense", "echo", "cut", "id", "question", "kind"],
)
def test_what_is_no_answer_to_us_is_as_if_it_had_not_come(
    lifetime: Lifetime, told: Told, wrong: Wrong
):
    with name_server(lambda question: [wrong(question)] * 40 + [reply(question, HERE)]) as server:
        resolver_of(server, lifetime).look_up(WWW, told)
        assert told.wait() == [("192.0.2.1",)]


def test_an_answer_from_another_address_is_not_heard(lifetime: Lifetime, told: Told):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
        another.bind(("127.0.0.1", 0))

        def answer(question: bytes) -> list[bytes]:
            another.sendto(reply(question, address(WWW, "6.6.6.6")), server.askers[-1])
            return [reply(question, HERE)]

        with name_server(answer) as server:
            resolver_of(server, lifetime).look_up(WWW, told)
            assert told.wait() == [("192.0.2.1",)]


def test_the_case_of_a_name_does_not_matter(lifetime: Lifetime, told: Told):
    def shouting(question: bytes) -> list[bytes]:
        return [reply(question[:12] + question[12:].replace(b"www", b"WwW"), HERE)]

    with name_server(shouting) as server:
        resolver_of(server, lifetime).look_up("Www.Example", told)
        assert told.wait() == [("192.0.2.1",)]


# -- tries -------------------------------------------------------------------------------------


def test_a_lost_question_is_asked_again(lifetime: Lifetime, told: Told):
    with name_server(
        lambda question: [reply(question, HERE)] if len(server.asked) == 3 else []
    ) as server:
        resolver_of(server, lifetime, timeout=0.05).look_up(WWW, told)
        assert told.wait() == [("192.0.2.1",)]
        assert len(set(server.askers)) == 3


def test_who_never_answers_is_asked_three_times(lifetime: Lifetime, told: Told):
    with name_server(silent) as server:
        resolver_of(server, lifetime, timeout=0.02).look_up(WWW, told)
        assert told.wait() == [()]
        assert len(server.asked) == 3


@pytest.mark.parametrize("code", [1, 2, 5])
def test_a_server_that_cannot_answer_is_asked_again(lifetime: Lifetime, told: Told, code: int):
    with name_server(
        lambda question: [reply(question, HERE, code=0 if len(server.asked) == 2 else code)]
    ) as server:
        resolver_of(server, lifetime).look_up(WWW, told)
        assert told.wait() == [("192.0.2.1",)]


def test_an_answer_that_does_not_fit_is_none(lifetime: Lifetime, told: Told):
    with name_server(lambda question: [reply(question, flags=0x8380)]) as server:
        resolver = resolver_of(server, lifetime)
        resolver.look_up(WWW, told)
        assert told.wait() == [()]
        assert len(resolver.remembered) == 0


def test_nobody_listens_and_that_is_soon_known(lifetime: Lifetime, told: Told):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    Resolver(port=port, lifetime=lifetime, timeout=60.0).look_up(WWW, told)
    assert told.wait(5.0) == [()]


def test_a_server_that_cannot_be_reached_is_no_error(lifetime: Lifetime, told: Told):
    Resolver("255.255.255.255", lifetime=lifetime).look_up(WWW, told)  # no broadcast for us
    assert told.answers == [(WWW, 1, 0, ())]


# -- bounds ------------------------------------------------------------------------------------


def test_the_same_question_is_asked_once(lifetime: Lifetime, told: Told):
    with name_server(knows(HERE)) as server:
        resolver = resolver_of(server, lifetime)
        for _ in range(100):
            resolver.look_up(WWW, told)
        assert told.wait() == [("192.0.2.1",)] * 100
        assert len(server.asked) == 1


def test_more_questions_than_there_is_room_for_find_nothing(lifetime: Lifetime, told: Told):
    with name_server(knows()) as server:
        resolver = resolver_of(server, lifetime, max_pending=5)
        for number in range(8):
            resolver.look_up(f"{number}.example", told)
        assert len(told.answers) == resolver.turned_away == 3
        assert len(lifetime.map) == 5
        told.wait()
        resolver.look_up("one.more.example", told)
        told.wait()
        assert len(server.asked) == 6


def test_more_callbacks_than_there_is_room_for_find_nothing(
    lifetime: Lifetime, told: Told, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(resolver_module, "MAX_CALLBACKS", 3)
    with name_server(knows(HERE)) as server:
        resolver = resolver_of(server, lifetime)
        for _ in range(5):
            resolver.look_up(WWW, told)
        assert told.wait() == [()] * 2 + [("192.0.2.1",)] * 3
        assert resolver.callbacks == 0


def test_a_callback_that_fails_harms_nobody(
    lifetime: Lifetime, told: Told, caplog: pytest.LogCaptureFixture
):
    with name_server(knows(HERE)) as server:
        resolver = resolver_of(server, lifetime)
        resolver.look_up(WWW, lambda answer: 1 / 0)
        resolver.look_up(WWW, told)
        assert told.wait() == [("192.0.2.1",)]
    assert "ZeroDivisionError" in caplog.text


# -- what is remembered ------------------------------------------------------------------------


def test_an_answer_is_remembered(lifetime: Lifetime, told: Told):
    with name_server(knows(HERE)) as server:
        resolver = resolver_of(server, lifetime)
        resolver.look_up(WWW, told)
        told.wait()
        resolver.look_up("WWW.EXAMPLE.", told)
        assert [each.values for each in told.answers] == [("192.0.2.1",)] * 2
        assert len(server.asked) == 1


def test_a_no_is_remembered_for_as_long_as_it_says(lifetime: Lifetime, told: Told):
    with name_server(knows(code=3, authorities=(authority("example", 30),))) as server:
        resolver = resolver_of(server, lifetime)
        for _ in range(2):
            resolver.look_up(WWW, told)
            told.wait()
        assert len(server.asked) == 1
        [(_, _, answer)] = resolver.remembered.items()
        assert answer.ttl == 30


def test_silence_is_not_remembered(lifetime: Lifetime, told: Told):
    with name_server(silent) as server:
        resolver = resolver_of(server, lifetime, timeout=0.01, tries=1)
        for _ in range(2):
            resolver.look_up(WWW, told)
            told.wait()
        assert len(server.asked) == 2


class Seconds:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_remembered_is_forgotten_in_time():
    clock = Seconds()
    cache = Cache(10, clock)
    cache.put(("a", 1), Answer("a", 1, 60, ("192.0.2.1",)))
    clock.now += 59.5
    assert cache.get(("a", 1)) == Answer("a", 1, 0, ("192.0.2.1",))
    clock.now += 0.5
    assert cache.get(("a", 1)) is None
    assert len(cache) == 0


@pytest.mark.parametrize(("size", "ttl"), [(10, 0), (0, 60)])
def test_what_is_good_for_now_only_is_not_remembered(size: int, ttl: int):
    cache = Cache(size, Seconds())
    cache.put(("a", 1), Answer("a", 1, ttl, ()))
    assert len(cache) == 0


def test_the_oldest_make_room():
    cache = Cache(2, Seconds())
    for name in "abca":
        cache.put((name, 1), Answer(name, 1, 60, ()))
    assert [key for key, _, _ in cache.items()] == [("c", 1), ("a", 1)]


# -- the stop ----------------------------------------------------------------------------------


def test_a_stop_waits_for_an_answer_that_is_on_its_way(lifetime: Lifetime, told: Told):
    def answer(question: bytes) -> list[bytes]:
        lifetime.shutdown()
        phases_gone.wait(5.0)
        return [reply(question, HERE)]

    phases_gone = Event()
    lifetime.on_phase(lambda phase: phases_gone.set() if phase == 3 else None)
    with name_server(answer) as server:
        resolver_of(server, lifetime).look_up(WWW, told)
        report = lifetime.loop()
    assert [each.values for each in told.answers] == [("192.0.2.1",)]
    assert report is not None and report.closed_by_force == []
    assert phases_gone.is_set()


def test_a_stop_does_not_ask_again(lifetime: Lifetime, told: Told):
    with name_server(silent) as server:
        resolver_of(server, lifetime, timeout=0.2).look_up(WWW, told)
        lifetime.shutdown()
        report = lifetime.loop()
        assert len(server.asked) == 1
    assert [each.values for each in told.answers] == [()]
    assert report is not None and report.closed_by_force == []


def test_when_patience_ends_nothing_was_found(told: Told, lifetime: Lifetime):
    with name_server(silent) as server:
        resolver = resolver_of(server, lifetime, timeout=60.0)
        resolver.look_up(WWW, told)
        lifetime.shutdown(fast=True)
        lifetime.patience = Patience(fast=0.1)
        report = lifetime.loop()
        assert [each.values for each in told.answers] == [()]
        assert report is not None
        assert report.closed_by_force == [f"Resolver 127.0.0.1:{server.port}, asked for {WWW}"]


def test_who_is_called_back_at_the_end_may_ask_in_vain(told: Told, lifetime: Lifetime):
    with name_server(silent) as server:
        resolver = resolver_of(server, lifetime, timeout=60.0)
        resolver.look_up(WWW, lambda answer: resolver.look_up("another.example", told))
        lifetime.patience = Patience(fast=0.1)
        lifetime.shutdown(fast=True)
        lifetime.loop()
    assert [each.values for each in told.answers] == [()]
