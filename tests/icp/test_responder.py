"""Which answer a datagram gets: every datagram has an outcome, and nobody talks for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.icp.message import (
    HEADER,
    MAX_SIZE,
    Message,
    Opcode,
    Query,
    compose,
    compose_query,
    parse,
)
from servers.icp.responder import ANSWERS, ERRORS_PER_SECOND, Outcome, Responder
from tests.icp.test_message_laws import MESSAGES, QUERIES

URL = "http://www.example.org/page"


def query(url: str = URL, number: int = 7, **fields: object) -> bytes:
    """A query as a datagram."""
    return compose(Message(Opcode.QUERY, number, compose_query(Query(url)), **fields))


def says(opcode: object) -> Callable[[str, str], object]:
    return lambda url, requester: opcode


#: Datagrams of all kinds, most of them nearly right.
DATAGRAMS = st.one_of(
    st.binary(max_size=60),
    MESSAGES.map(compose),
    st.builds(lambda asked: compose(Message(Opcode.QUERY, 7, compose_query(asked))), QUERIES),
    st.builds(
        lambda opcode, payload, cut: compose(Message(opcode, 7, payload))[: 70 - cut],
        st.sampled_from(Opcode),
        st.binary(max_size=60),
        st.integers(0, 70),
    ),
)


# -- laws --------------------------------------------------------------------------------------


ANYTHING = st.sampled_from([*Opcode, None, "HIT", 2.0, []])


@given(DATAGRAMS, ANYTHING, st.sampled_from([None, 0.0, 9.0]))
def test_every_datagram_is_answered_with_no_more_bytes_or_not_at_all(
    datagram: bytes, answer: object, withdrawn: float | None
) -> None:
    responder = Responder(says(answer))
    if withdrawn is not None:
        responder.withdraw(10.0 - withdrawn)
    outcome, reply = responder.respond(datagram, "peer", 10.0)
    assert len(reply) <= len(datagram)
    assert responder.outcomes == {outcome: 1}
    if reply:
        assert parse(reply).request_number == int.from_bytes(datagram[4:8], "big")


@given(st.lists(DATAGRAMS, max_size=20), st.sampled_from([0.0, 0.001, 0.1]))
def test_two_servers_do_not_talk_for_ever(datagrams: list[bytes], way: float) -> None:
    servers = [Responder(says(Opcode.MISS)), Responder(says(Opcode.HIT))]
    way_out = deque((0, datagram) for datagram in datagrams)
    now, steps = 0.0, 0
    while way_out:
        to, datagram = way_out.popleft()
        _, reply = servers[to].respond(datagram, 1 - to, now)
        if reply:
            way_out.append((1 - to, reply))
        now += way
        steps += 1
        assert steps <= 3 * len(datagrams)


def test_echoes_of_a_flood_die_out_between_two_servers() -> None:
    servers = [Responder(), Responder()]
    echoes = [compose(Message(Opcode.SECHO, number, b"a\0")) for number in range(20_000)]
    under_way = deque((0, each) for each in echoes)
    now, steps = 0.0, 0
    while under_way:
        to, datagram = under_way.popleft()
        _, reply = servers[to].respond(datagram, 1 - to, now)
        if reply:
            under_way.append((1 - to, reply))
        now += 0.00001
        steps += 1
        assert steps < 2 * len(echoes)


# -- queries -----------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", sorted(ANSWERS), ids=lambda each: each.name)
def test_the_answer_carries_number_and_url(opcode: Opcode) -> None:
    outcome, reply = Responder(says(opcode)).respond(query(), "peer", 0.0)
    assert outcome is Outcome.ANSWERED
    assert parse(reply) == Message(opcode, 7, URL.encode() + b"\0")


def test_by_default_the_answer_is_a_miss() -> None:
    assert parse(Responder().respond(query(), "peer", 0.0)[1]).opcode == Opcode.MISS


def test_the_answer_depends_on_url_and_requester() -> None:
    asked = []
    responder = Responder(lambda url, requester: asked.append((url, requester)) or Opcode.HIT)
    payload = compose_query(Query("http://é/", "192.0.2.9"))
    responder.respond(compose(Message(Opcode.QUERY, 1, payload)), "peer", 0.0)
    assert asked == [("http://é/", "192.0.2.9")]


def test_options_are_not_taken_over() -> None:
    reply = Responder().respond(query(options=0xC0000000, option_data=5, sender=b"abcd"), 0, 0.0)[1]
    assert reply[8:20] == bytes(12)


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(query()[:-1], id="its length field is wrong"),
        pytest.param(query() + b"x", id="more than its length field says"),
        pytest.param(compose(Message(1, 7)), id="no payload"),
        pytest.param(compose(Message(1, 7, b"\0\0\0\0")), id="no url"),
        pytest.param(compose(Message(1, 7, b"\0\0\0\0http://a/")), id="no zero byte"),
        pytest.param(compose(Message(1, 7, b"\0\0\0\0http://a/\0x\0")), id="a zero byte within"),
        pytest.param(query().ljust(MAX_SIZE + 1, b"x"), id="too long"),
    ],
)
def test_a_malformed_query_is_an_error(datagram: bytes) -> None:
    outcome, reply = Responder().respond(datagram, "peer", 0.0)
    assert (outcome, parse(reply)) == (Outcome.MALFORMED, Message(Opcode.ERR, 7))


def test_errors_are_answered_a_few_times_a_second() -> None:
    responder = Responder()
    broken = query()[:-1]
    replies = [responder.respond(broken, "peer", 0.0)[1] for _ in range(1000)]
    assert sum(map(bool, replies)) == ERRORS_PER_SECOND
    replies = [responder.respond(broken, "peer", 1.0)[1] for _ in range(1000)]
    assert sum(map(bool, replies)) == ERRORS_PER_SECOND


@pytest.mark.parametrize("answer", [Opcode.QUERY, Opcode.SECHO, None, "HIT", 99, []], ids=repr)
def test_an_answer_that_is_none_is_a_miss(answer: object) -> None:
    outcome, reply = Responder(says(answer)).respond(query(), "peer", 0.0)
    assert (outcome, parse(reply).opcode) == (Outcome.FAILED, Opcode.MISS)


@pytest.mark.parametrize("error", [LookupError("away"), SystemExit("away")], ids=repr)
def test_an_answer_that_raises_is_a_miss_and_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(url: str, requester: str) -> int:
        raise error

    outcome, reply = Responder(fail).respond(query(), "peer", 0.0)
    assert (outcome, parse(reply).opcode) == (Outcome.FAILED, Opcode.MISS)
    assert "away" in caplog.text


def test_an_answer_that_always_fails_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    responder = Responder(says("HIT"))
    for _ in range(1000):
        assert responder.respond(query(), "peer", 0.0)[1]
    assert len(caplog.records) == ERRORS_PER_SECOND


def test_a_miss_for_want_of_an_answer_lets_a_peer_come() -> None:
    responder = Responder(says(None))
    responder.respond(query(), "peer", 3.0)
    assert responder.promised == 3.0


@pytest.mark.parametrize("opcode", [each for each in range(256) if each not in (1, 10, 11)])
def test_what_is_no_query_is_not_answered(opcode: int) -> None:
    datagram = compose(Message(opcode, 7, b"\0\0\0\0http://a/\0"))
    assert Responder().respond(datagram, "peer", 0.0) == (Outcome.IGNORED, b"")


@pytest.mark.parametrize("version", [0, 1, 3, 255])
def test_other_versions_are_not_answered(version: int) -> None:
    assert Responder().respond(query(version=version), "peer", 0.0) == (Outcome.IGNORED, b"")


@pytest.mark.parametrize("length", [0, 1, HEADER.size - 1])
def test_less_than_a_header_is_not_answered(length: int) -> None:
    assert Responder().respond(query()[:length], "peer", 0.0) == (Outcome.IGNORED, b"")


# -- echoes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [Opcode.SECHO, Opcode.DECHO], ids=lambda each: each.name)
def test_an_echo_is_the_datagram_itself(opcode: Opcode) -> None:
    datagram = compose(Message(opcode, 7, b"http://a/\0", options=1))
    assert Responder().respond(datagram, "peer", 0.0) == (Outcome.ECHOED, datagram)


def test_the_same_echo_is_given_once_to_each_peer() -> None:
    responder = Responder()
    datagram = compose(Message(Opcode.SECHO, 7, b"http://a/\0"))
    outcomes = [responder.respond(datagram, peer, 0.0)[0] for peer in "aab"]
    assert outcomes == [Outcome.ECHOED, Outcome.IGNORED, Outcome.ECHOED]


def test_a_malformed_echo_is_not_answered() -> None:
    datagram = compose(Message(Opcode.SECHO, 7, b"http://a/\0"))[:-1]
    assert Responder().respond(datagram, "peer", 0.0) == (Outcome.IGNORED, b"")


# -- a withdrawal ------------------------------------------------------------------------------


def test_a_withdrawal_says_do_not_come_and_then_nothing() -> None:
    responder = Responder(says(Opcode.HIT), nofetch_time=5.0)
    responder.withdraw(100.0)
    responder.withdraw(103.0)  # said again
    reply = responder.respond(query(), "peer", 104.9)[1]
    assert parse(reply) == Message(Opcode.MISS_NOFETCH, 7, URL.encode() + b"\0")
    assert responder.respond(query(), "peer", 105.0) == (Outcome.SILENCED, b"")


def test_without_a_time_for_it_there_is_silence_at_once() -> None:
    responder = Responder(nofetch_time=0.0)
    responder.withdraw(100.0)
    assert responder.respond(query(), "peer", 100.0) == (Outcome.SILENCED, b"")


def test_nothing_is_echoed_in_a_withdrawal() -> None:
    responder = Responder()
    responder.withdraw(0.0)
    datagram = compose(Message(Opcode.SECHO, 7, b"http://a/\0"))
    assert responder.respond(datagram, "peer", 0.0) == (Outcome.SILENCED, b"")


def test_after_a_withdrawal_that_is_taken_back_it_answers_as_before() -> None:
    responder = Responder(says(Opcode.HIT))
    before = responder.respond(query(), "peer", 0.0)
    responder.withdraw(1.0)
    responder.resume()
    assert responder.respond(query(), "peer", 100.0) == before


@pytest.mark.parametrize(
    ("opcode", "promised"),
    [(Opcode.HIT, 3.0), (Opcode.MISS, 3.0), (Opcode.MISS_NOFETCH, None), (Opcode.DENIED, None)],
)
def test_what_lets_a_peer_come_is_remembered(opcode: Opcode, promised: float | None) -> None:
    responder = Responder(says(opcode))
    responder.respond(query(), "peer", 3.0)
    assert responder.promised == (float("-inf") if promised is None else promised)
