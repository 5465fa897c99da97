"""In a shutdown neighbours are told to look elsewhere, then nothing; undone, all is as before."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from lifetime import Lifetime, Patience, Phase
from servers.frontends import FrontEnds
from servers.icp import ICPListener, Opcode
from tests.icp.conftest import TOO_LONG, Neighbour, query
from tests.lifetime.members import run_to_the_end


def reasons(lifetime, phase=Phase.WITHDRAWING):
    return {(held.owner, held.reason) for held in lifetime.report.vetoes if held.phase == phase}


def test_in_phase_1_it_says_do_not_come(serve):
    served = serve()
    served.holds = {1}
    served.lifetime.shutdown()
    served.neighbour.ask_until(Opcode.MISS_NOFETCH)


def test_after_its_time_it_says_nothing(serve):
    served = serve(nofetch_time=0.0)
    served.holds = {1}
    served.lifetime.shutdown()
    served.neighbour.ask_until(None)
    assert served.neighbour.ask() is None


def test_a_shutdown_that_is_taken_back_changes_nothing(serve):
    served = serve(nofetch_time=0.0)
    served.holds = {1}
    served.lifetime.shutdown()
    served.neighbour.ask_until(None)
    served.call(served.lifetime.resume)
    served.neighbour.ask_until(Opcode.MISS)


def test_in_phase_2_it_closes(serve):
    served = serve()
    served.holds = {3}
    there = {}
    reached = threading.Event()

    def look(phase):
        there[int(phase)] = served.icp in served.lifetime.map.values()
        if phase == Phase.DRAINING:
            reached.set()

    served.lifetime.on_phase(look)
    served.lifetime.shutdown()
    assert reached.wait(TOO_LONG)
    assert there == {1: True, 2: True, 3: False}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(served.icp.addr)


def test_one_that_nobody_has_asked_leaves_at_once():
    lifetime = Lifetime()
    ICPListener(("127.0.0.1", 0), lifetime=lifetime)
    lifetime.call_later(0, lifetime.shutdown)
    began = time.monotonic()
    run_to_the_end(lifetime)
    assert time.monotonic() - began < 1.0
    assert not reasons(lifetime)


def test_who_was_told_to_come_may_still_come(serve):
    served = serve(promise_time=0.3, lifetime=Lifetime())
    assert served.neighbour.ask() == Opcode.MISS
    began = time.monotonic()
    served.lifetime.shutdown()
    served.wait()
    assert 0.2 < time.monotonic() - began < 2.0
    owner = f"ICP 127.0.0.1:{served.icp.port}"
    assert reasons(served.lifetime) == {(owner, "peers may still send what they have asked about")}


def test_one_that_joins_late_never_promises_anything():
    lifetime = Lifetime()
    joined = []

    def join(phase):
        if phase == Phase.DRAINING:
            joined.append(ICPListener(("127.0.0.1", 0), lifetime=lifetime))

    lifetime.on_phase(join)
    ICPListener(("127.0.0.1", 0), lifetime=lifetime)
    lifetime.call_later(0, lifetime.shutdown)
    run_to_the_end(lifetime)
    assert joined[0].socket.fileno() == -1


# -- with front ends that are waited for ---------------------------------------------------------


def with_front_ends(serve, **settings):
    lifetime = Lifetime(patience=Patience(fast=0.2))
    return serve(lifetime=lifetime, front_ends=FrontEnds(lifetime), **settings)


def test_a_peer_that_has_asked_once_is_a_front_end(serve):
    served = with_front_ends(serve)
    served.neighbour.ask()
    assert "ICP peer 127.0.0.1" in served.icp.front_ends.followers


@pytest.mark.parametrize(
    ("peers", "datagram"),
    [("127.0.0.1", b"\1\2\0\0"), ("127.0.0.1", query()[:-1]), ("192.0.2.1", query())],
    ids=["less than a header", "malformed", "of somebody else"],
)
def test_who_is_not_answered_is_no_front_end(peers, datagram):
    lifetime = Lifetime()
    front_ends = FrontEnds(lifetime)
    icp = ICPListener(("127.0.0.1", 0), lifetime=lifetime, peers=peers, front_ends=front_ends)
    neighbour = Neighbour(icp.addr)
    neighbour.send(datagram)
    icp.handle_read_event()
    assert sum(icp.responder.outcomes.values()) + icp.strangers == 1
    assert not front_ends.followers
    for each in (icp, front_ends, neighbour.sock):
        each.close()


def test_a_peer_that_asks_no_more_has_acted(serve):
    served = with_front_ends(serve, promise_time=0.3)
    served.neighbour.ask()
    began = time.monotonic()
    served.lifetime.shutdown()
    served.wait()
    assert 0.2 < time.monotonic() - began < 2.0
    assert ("front ends", "ICP peer 127.0.0.1 has not acted yet") in reasons(served.lifetime)


def test_a_peer_that_was_told_to_look_elsewhere_has_acted(serve):
    served = with_front_ends(serve, promise_time=60.0, nofetch_time=60.0)
    followers = served.icp.front_ends.followers
    served.neighbour.ask()
    served.holds = {1}
    served.lifetime.shutdown()
    served.neighbour.ask_until(Opcode.MISS_NOFETCH)
    assert not followers.waited_for(served.lifetime.clock() + 0.2)


def test_a_peer_that_goes_on_asking_into_the_silence_does_not_hold_the_phase_for_ever(serve):
    served = with_front_ends(serve, promise_time=0.2, nofetch_time=0.0)
    served.neighbour.ask()
    began = time.monotonic()
    served.lifetime.shutdown()
    while served.lifetime.phase <= Phase.WITHDRAWING:
        assert time.monotonic() - began < TOO_LONG
        try:
            served.neighbour.ask()
        except OSError:  # it has closed
            break
    served.wait()
    assert time.monotonic() - began < 5.0
