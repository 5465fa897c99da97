"""What HAProxy says of us in its probes.  The lines are those that 2.6.12 has sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.frontends.haproxy_state import ServerState, parse_server_state

REST = "; address=127.0.0.1; port=19001; name=b/s1; node=vm; weight={}; scur=0/0; qcur=0"


def said(word: str, weight: str) -> ServerState:
    state = parse_server_state(word + REST.format(weight))
    assert state is not None
    return state


def test_the_field_is_read() -> None:
    assert said("UP 2/3", "1/2") == ServerState("UP", "vm", "b/s1", 1, 2)


@pytest.mark.parametrize("word", ["NOLB", "DOWN", "DOWN 1/2", "DOWN 4/2"])
def test_a_server_that_is_out_of_rotation_or_down_gets_nothing_new(word: str) -> None:
    assert said(word, "1/1").sends_nothing_new(said("UP", "1/2"))


@pytest.mark.parametrize("word", ["UP", "UP 2/3", "UP 1/3"])
def test_a_server_that_is_up_or_about_to_go_down_gets_new_sessions(word: str) -> None:
    assert not said(word, "1/2").sends_nothing_new(said("UP", "1/2"))


def test_behind_an_agents_drain_our_weight_has_left_the_total() -> None:
    assert said("UP", "1/1").sends_nothing_new(said("UP", "1/2"))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("0/2", "0/2"),  # a rounded weight, of an agent's 50%
        ("1/2", "0/2"),
        ("2/6", "2/5"),  # another server has left
        ("1/2", "1/3"),
    ],
)
def test_other_changes_of_the_weights_are_no_evidence(before: str, now: str) -> None:
    assert not said("UP", now).sends_nothing_new(said("UP", before))


def test_without_an_earlier_word_the_weight_says_nothing() -> None:
    assert not said("UP", "1/1").sends_nothing_new(None)


@pytest.mark.parametrize(
    "value", ["", ";", "MAYBE; node=vm", "up", " ; name=b/s1", "UP" + " " * 2000]
)
def test_what_haproxy_would_not_write_is_not_its_word(value: str) -> None:
    assert parse_server_state(value) is None


@pytest.mark.parametrize(
    "weight", ["", "1", "1/", "-1/2", "1/2/3", "\u0661/\u0662", "9" * 30 + "/1"]
)
def test_a_weight_that_is_none_is_left_out(weight: str) -> None:
    assert said("UP", weight).weight is None


def test_a_name_that_is_not_fit_for_a_log_is_left_out() -> None:
    assert parse_server_state("UP; node=a\x1b[2Jb; name=" + "n" * 65) == ServerState("UP")


@given(st.text(max_size=2000))
def test_no_value_breaks_the_reader(value: str) -> None:
    state = parse_server_state(value)
    assert state is None or state.word in ("UP", "DOWN", "NOLB")


@given(st.sampled_from(["UP", "NOLB", "DOWN"]), st.text(max_size=200))
def test_whatever_follows_the_word_stays(word: str, rest: str) -> None:
    state = parse_server_state(f"{word};{rest}")
    assert state is not None and state.word == word
