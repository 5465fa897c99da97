"""Phase 1 ends when every front end seen lately was seen to act, and names whom it waits for."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Callable

import pytest

from lifetime import Patience, Phase
from tests.frontends.conftest import Told

Tell = Callable[..., Told]

STATE = "X-Haproxy-Server-State: {}; name=servers/s1; node=lb1; weight={}; scur=1/2; qcur=0"


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def stop(told: Told) -> None:
    told.lifetime.shutdown()
    told.reaches(Phase.WITHDRAWING)


def test_with_nobody_in_front_phase_1_is_over_at_once(tell: Tell) -> None:
    told = tell()
    told.lifetime.shutdown()
    assert told.ended().phases[0].seconds < 1.0


def test_a_prober_is_waited_for_by_name_until_it_has_its_draining_answers(tell: Tell) -> None:
    told = tell()
    for _ in range(2):
        told.status("/readyz", "User-Agent: Balancer/2 (of ours)")
    stop(told)
    told.status("/readyz", "User-Agent: Balancer/2 (of ours)")
    told.status("/readyz", "User-Agent: Balancer/2 (of ours)")
    assert told.vetoes == (
        "front ends: Balancer/2 at 127.0.0.1 has not acted yet (2 of 3 draining answers)"
    )
    told.status("/readyz", "User-Agent: Balancer/2 (of ours)")
    assert told.ended().orderly


def test_a_prober_that_says_its_fall_gets_so_many_draining_answers(tell: Tell) -> None:
    told = tell()
    told.status("/readyz?fall=5"), told.status("/readyz?fall=5")
    stop(told)
    for _ in range(4):
        told.status("/readyz?fall=5")
    assert told.vetoes.endswith("has not acted yet (4 of 5 draining answers)")
    told.status("/readyz?fall=5")
    assert told.ended().orderly


def test_each_prober_is_waited_for(tell: Tell) -> None:
    told = tell(health={"fall": 1})
    for agent in ("one", "two", "one", "two"):
        told.status("/readyz", f"User-Agent: {agent}")
    stop(told)
    told.status("/readyz", "User-Agent: two")
    assert told.vetoes.startswith("front ends: one at 127.0.0.1 has not acted yet")


def test_a_prober_without_a_name_is_called_by_its_address(tell: Tell) -> None:
    told = tell()
    told.status(), told.status()
    stop(told)
    assert "a prober at 127.0.0.1 has not acted yet" in told.vetoes


def test_many_are_named_up_to_a_few(tell: Tell) -> None:
    told = tell()
    for number in range(5):
        told.expect(f"cache {number}")
    stop(told)
    assert told.vetoes.endswith("cache 2 has not acted yet, and 2 more")


def test_it_is_the_same_veto_whoever_asks_last(tell: Tell) -> None:
    told = tell()
    for name in ("two", "one"):
        told.expect(name)
    stop(told)
    before = told.vetoes
    told.expect("two")
    assert told.vetoes == before == "front ends: one has not acted yet, two has not acted yet"


@pytest.mark.parametrize("word", ["NOLB", "DOWN"])
def test_haproxys_own_word_that_it_acts_ends_phase_1(tell: Tell, word: str) -> None:
    told = tell()
    for _ in range(2):
        told.status("/readyz", STATE.format("UP", "1/2"))
    stop(told)
    told.status("/readyz", STATE.format("UP", "1/2"))
    assert told.vetoes == "front ends: HAProxy lb1 servers/s1 at 127.0.0.1 has not acted yet"
    told.status("/readyz", STATE.format(word, "1/1"))
    assert told.ended().orderly


def test_behind_an_agents_drain_a_weight_that_has_left_the_total_ends_phase_1(tell: Tell) -> None:
    told = tell()
    for _ in range(2):
        told.status("/readyz", STATE.format("UP", "1/2"))
    stop(told)
    told.agent_is_told()
    told.status("/readyz", STATE.format("UP", "1/1"))
    assert told.ended().orderly


def test_without_an_agent_the_weight_that_has_gone_is_another_servers(tell: Tell) -> None:
    """Two are stopped at once, and HAProxy has heard of the other one: now all comes to us."""
    told = tell()
    for _ in range(2):
        told.status("/readyz", STATE.format("UP", "1/2"))
    stop(told)
    told.status("/readyz", STATE.format("UP", "1/1"))
    assert told.vetoes == "front ends: HAProxy lb1 servers/s1 at 127.0.0.1 has not acted yet"


def test_while_haproxy_says_up_no_number_of_answers_is_evidence(tell: Tell) -> None:
    told = tell()
    for _ in range(2):
        told.status("/readyz", STATE.format("UP", "1/2"))
    stop(told)
    for _ in range(10):
        told.status("/readyz", STATE.format("UP 2/20", "1/2"))
    assert "has not acted yet" in told.vetoes


def test_an_agent_that_has_read_drain_and_hung_up_has_acted(tell: Tell) -> None:
    told = tell()
    told.agent_is_told(), told.agent_is_told()
    stop(told)
    assert told.vetoes == "front ends: HAProxy's agent check at 127.0.0.1 has not acted yet"
    told.agent_is_told()
    assert told.ended().orderly


def test_an_agent_that_hangs_up_by_a_reset_has_acted(tell: Tell) -> None:
    told = tell()
    told.agent_is_told(), told.agent_is_told()
    stop(told)
    haproxy = told.connect_to(told.agent)
    assert haproxy.read(6) == b"drain\n"
    reset(haproxy.sock)
    assert told.ended().orderly


def test_an_agent_that_does_not_hang_up_has_not_acted(tell: Tell) -> None:
    told = tell()
    told.agent_is_told(), told.agent_is_told()
    stop(told)
    assert told.connect_to(told.agent).read_to_end() == b"drain\n"
    assert "HAProxy's agent check at 127.0.0.1 has not acted yet" in told.vetoes


def test_agents_that_send_a_name_are_told_apart(tell: Tell) -> None:
    told = tell()
    for name in (b"s1\n", b"s2\n", b"s1\n", b"s2\n"):
        told.agent_is_told(name)
    stop(told)
    told.agent_is_told(b"s1\n")
    assert "HAProxy's agent check (s2) at 127.0.0.1 has not acted yet" in told.vetoes


@pytest.mark.parametrize(
    ("path", "agent"),
    [
        ("/livez", "a monitor"),
        ("/startupz", "a monitor"),
        ("/readyz", "kube-probe/1.34"),
    ],
)
def test_who_asks_and_sends_nothing_is_not_waited_for(tell: Tell, path: str, agent: str) -> None:
    told = tell()
    for _ in range(3):
        told.status(path, f"User-Agent: {agent}")
    told.lifetime.shutdown()
    assert told.ended().phases[0].seconds < 1.0


def test_an_answer_that_excludes_the_stop_is_no_draining_answer(tell: Tell) -> None:
    told = tell(health={"fall": 1})
    told.status(), told.status()
    stop(told)
    assert told.status("/readyz?exclude=shutdown") == 200
    assert "has not acted yet" in told.vetoes


def test_the_minimum_is_kept_also_if_all_have_acted(tell: Tell) -> None:
    told = tell(patience=Patience(withdraw_minimum=0.3, fast=0.2))
    told.agent_is_told(), told.agent_is_told()
    stop(told)
    told.agent_is_told()
    assert 0.3 <= told.ended().phases[0].seconds < 5.0


def test_behind_the_maximum_a_front_end_that_does_not_act_costs_a_warning_and_no_more(
    tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    told = tell(patience=Patience(withdraw_maximum=0.2, fast=0.2))
    told.begin_to_stop()
    report = told.ended()
    assert report.phases[0].seconds < 5.0
    assert report.orderly
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == [
        "front ends are not waited for any longer: a front end that does not act has not acted yet"
    ]


def test_a_stop_in_a_hurry_does_not_wait_for_them(tell: Tell) -> None:
    told = tell()
    told.begin_to_stop()
    told.lifetime.shutdown(fast=True)
    assert told.ended().phases[0].seconds < 5.0
