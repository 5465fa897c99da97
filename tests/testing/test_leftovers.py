"""What a server leaves behind is named, and what is none of its leavings is not."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lifetime
from lifetime.testing import Lines, Scenario, Send, Stop, World, simulate
from lifetime.testing.trace import Did
from tests.testing.small import Listener, Member

KEPT: list[Any] = []


@pytest.fixture(autouse=True)
def give_back() -> Iterator[None]:
    yield
    while KEPT:
        thing = KEPT.pop()
        if isinstance(thing, int):
            os.close(thing)


def leaks(do: Callable[[], object], in_factory: bool = False) -> list[tuple[str, str]]:
    """What is noted of a server that does this when a client speaks, or when it is made."""

    def factory(world: World) -> None:
        world.speaks(Lines("ping"))
        Listener(lambda channel, data: None if in_factory else do())
        Member(world)
        if in_factory:
            do()

    run = simulate(factory, Scenario((Send(1), Stop(after=1.0))), laws=[])
    return [(e.data["kind"], e.data["name"]) for e in run.trace if e.did is Did.LEAK]


def test_a_clean_server_leaves_nothing() -> None:
    assert leaks(lambda: None) == []


def test_a_socket() -> None:
    assert leaks(lambda: KEPT.append(socket.socket())) == [("socket", "at ('0.0.0.0', 0)")]


def test_a_socket_that_nobody_has_any_more_is_none() -> None:
    assert leaks(lambda: socket.socket() and None) == []


def test_a_descriptor_of_the_system_with_what_it_is_open_on() -> None:
    ((kind, name),) = leaks(lambda: KEPT.append(os.open(os.devnull, os.O_RDONLY)))
    assert kind == "descriptor"
    assert name == f"open on {os.devnull}" or name.isdigit()  # without /proc nobody knows on what


def test_a_thread() -> None:
    def start() -> None:
        threading.Thread(target=threading.Event().wait, name="waiter").start()

    assert leaks(start) == [("thread", "waiter")]


def test_a_timer_that_repeats_for_ever() -> None:
    ((kind, name),) = leaks(lambda: lifetime.call_every(5.0, give_back_later))
    assert (kind, name) == ("timer", "give_back_later")


def test_a_timer_that_fires_once_is_none() -> None:
    assert leaks(lambda: lifetime.call_later(500.0, give_back_later)) == []


def test_what_the_factory_itself_has_made_is_the_applications() -> None:
    assert leaks(lambda: lifetime.call_every(5.0, give_back_later), in_factory=True) == []
    assert leaks(lambda: KEPT.append(os.dup(0)), in_factory=True) == []


def give_back_later() -> None:
    """What a timer calls."""
