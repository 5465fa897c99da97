"""Laws 5 and 6, for and against: what clients are owed."""

from __future__ import annotations

import pytest

from lifetime.testing.laws import judge
from lifetime.testing.trace import Did
from tests.testing.traces import Run

DOOR = "127.0.0.1:8001"
PROBES = "127.0.0.1:9001"


def broken(run: Run, *numbers: int) -> list[tuple[int, str]]:
    """Which of these laws a run breaks, and how that is told."""
    return [(each.law, each.sentence) for each in judge(run.trace, numbers or None)]


def serving() -> Run:
    """A listener, and a channel for client 1."""
    run = Run().add("the server", Did.LISTEN, address=DOOR).joins("Listener 1")
    return run.connects().accepts("Listener 1", "Channel 1")


def draining(run: Run, patience: float = 30.0, shut: bool = True, others: str = "") -> Run:
    """The same in phase 3, where nobody was asked yet."""
    run.stop()
    for phase in (1, 2):
        run.enters(phase).asked("Channel 1", *others.split())
        if phase == 2 and shut:
            run.leaves("Listener 1").add("Listener 1", Did.DEAF, address=DOOR, queue=0)
        run.asked("Listener 1")
    return run.enters(3, patience)


def asked_once() -> Run:
    """Client 1 has sent a request, and the server has read it."""
    return serving().requests().reads("Channel 1")


# 5. After phase 2 no listener accepts.


def test_law_5_a_listener_that_is_open_in_phase_3_breaks_it() -> None:
    ((law, sentence),) = broken(draining(serving(), shut=False))
    assert law == 5
    assert sentence == (
        "phase 2 ended while 127.0.0.1:8001 was still listened on at 0.000 s, in phase 2; "
        "listeners close in phase 2."
    )


def test_law_5_who_accepts_in_phase_3_breaks_it() -> None:
    run = draining(serving()).connects("client 2").joins("Door 1", has_hook=False)
    ((law, sentence),) = broken(run.server("Door 1", Did.ACCEPT, "client 2"))
    assert law == 5
    assert sentence.startswith("Door 1 accepted client 2 at 0.000 s, in phase 3; ")


def test_law_5_a_listener_whose_queue_could_not_be_emptied_in_time_may_go_on() -> None:
    run = serving().connects("client 2").stop().enters(1).asked("Channel 1", "Listener 1")
    run.enters(2, patience=1.0).asked("Channel 1").asked("Listener 1", veto="no descriptors")
    run.later(1.0).enters(3).accepts("Listener 1", "Channel 2", "client 2")
    assert broken(run, 5) == []


def test_law_5_a_late_listener_may_empty_its_queue_when_it_hears_of_phase_2() -> None:
    run = draining(serving()).joins("Late 1").asked("Late 1", phase=1).connects("client 2")
    run.server("Late 1", Did.ACCEPT, "client 2").asked("Late 1", phase=2).asked("Late 1")
    assert broken(run, 5) == []


def test_law_5_who_waits_in_the_accept_queue_is_not_dropped() -> None:
    run = serving().connects("client 2").stop().enters(1).asked("Listener 1", "Channel 1")
    run.enters(2).add("Listener 1", Did.DEAF, address=DOOR, queue=1)
    ((law, sentence),) = broken(run)
    assert law == 5
    assert sentence.startswith(
        "Listener 1 closed its door to client 2, who was in its queue at 0.000 s, in phase 2; "
    )


def test_law_5_who_has_hung_up_in_the_accept_queue_may_be_dropped() -> None:
    run = serving().connects("client 2").hangs_up("client 2").stop().enters(1)
    run.asked("Listener 1", "Channel 1").enters(2)
    assert broken(run.add("Listener 1", Did.DEAF, address=DOOR, queue=1)) == []


# Whoever asks how a server is may do so until phase 4, if who answers says that it stays.


def probed(shut: bool = True) -> Run:
    """In phase 3, with a listener for probes that is still open, and client 2, who asks there."""
    run = serving().add("the server", Did.LISTEN, address=PROBES, fd=900)
    run.add("Health-1", Did.JOINED, fd=900, has_hook=True, own=True, stays=True)
    return draining(run, shut=shut, others="Health-1").connects("client 2", PROBES)


def test_law_5_a_listener_that_stays_is_open_in_phase_3() -> None:
    run = probed().accepts("Health-1", "Probe 1", "client 2")
    assert broken(run.asked("Health-1", "Probe 1"), 5) == []


def test_law_5_a_listener_that_says_nothing_of_the_kind_is_not_open_beside_it() -> None:
    ((law, sentence),) = broken(probed(shut=False), 5)
    assert law == 5
    assert sentence.startswith("phase 2 ended while 127.0.0.1:8001 was still listened on")


def test_law_5_a_prober_in_phase_3_is_owed_its_answer() -> None:
    run = probed().accepts("Health-1", "Probe 1", "client 2").requests("client 2")
    run.reads("Probe 1", "client 2").closes("Probe 1", "client 2").finds_closed("client 2", owed=1)
    assert [law for law, _ in broken(run, 5)] == [5]


def test_law_5_a_prober_is_cut_in_phase_4_and_asks_again() -> None:
    run = probed().accepts("Health-1", "Probe 1", "client 2").requests("client 2").enters(4)
    run.closes("Probe 1", "client 2").finds_closed("client 2", owed=1)
    assert broken(run.ended(), 5, 6) == []


def test_law_5_in_phase_4_a_queue_of_probers_is_dropped() -> None:
    run = probed().enters(4).add("Health-1", Did.DEAF, address=PROBES, queue=1)
    assert broken(run, 5) == []


def test_law_5_who_stays_does_not_drop_its_queue_before() -> None:
    run = probed().add("Health-1", Did.DEAF, address=PROBES, queue=1)
    assert [law for law, _ in broken(run, 5)] == [5]


# A connection that was accepted gets exactly one complete response for each request.


def test_law_5_a_request_without_an_answer_breaks_it() -> None:
    run = asked_once().closes("Channel 1").later(0.1).finds_closed(owed=1)
    ((law, sentence),) = broken(run)
    assert law == 5
    assert sentence == (
        "client 1 was left without an answer to request 1 (GET /) at 0.100 s, in phase 0; every "
        "request is answered before the close."
    )


def test_law_5_a_pipelined_request_that_is_lost_breaks_it() -> None:
    run = serving().requests().requests(name="GET /two").reads("Channel 1", size=36)
    run.writes("Channel 1").answered(number=1).closes("Channel 1", unread=36)
    ((law, sentence),) = broken(run.finds_closed(how="reset", owed=1, untold=True), 5)
    assert law == 5
    assert "request 2 (GET /two)" in sentence


def test_law_5_requests_behind_an_announced_end_are_not_claimed() -> None:
    run = serving().requests().requests().reads("Channel 1", size=72).writes("Channel 1")
    assert broken(run.answered(number=1, final=True).closes("Channel 1").finds_closed()) == []


def test_law_5_requests_that_are_sent_behind_an_announced_end_are_not_claimed() -> None:
    run = asked_once().answered(number=1, final=True).requests().closes("Channel 1")
    assert broken(run.finds_closed(owed=1)) == []


def test_law_5_a_request_may_be_refused_before_it_is_complete() -> None:
    run = serving().begins().answered(number=1, status=413, final=False, refusal=True).requests()
    assert broken(run.closes("Channel 1").finds_closed()) == []


def test_law_5_a_client_that_reads_on_is_owed_its_answer_again() -> None:
    run = asked_once().client("client 1", Did.HOLD).client("client 1", Did.READ_ON)
    assert [law for law, _ in broken(run.closes("Channel 1").finds_closed(owed=1))] == [5]


def test_law_5_connections_that_are_no_clients_are_nobodys_business() -> None:
    run = draining(serving()).add("Pair 1", Did.READ, connection=None, size=5)
    run.add("Pair 1", Did.CLOSE, connection=None, unsent=True, working=True, unread=3)
    assert broken(run) == []


def test_law_5_a_refusal_is_an_answer() -> None:
    run = asked_once().answered(status=503, final=True, refusal=True).closes("Channel 1")
    assert broken(run.finds_closed()) == []


@pytest.mark.parametrize("leaves", [Did.END, Did.HALF_CLOSE, Did.HOLD])
def test_law_5_whoever_goes_first_or_does_not_listen_is_owed_nothing(leaves: Did) -> None:
    run = asked_once().client("client 1", leaves, by="client", how="close", owed=1, untold=True)
    assert broken(run.closes("Channel 1").finds_closed(owed=1), 5) == []


def test_law_5_what_patience_has_cut_short_is_not_held_against_anybody() -> None:
    run = draining(asked_once(), patience=2.0).asked("Channel 1", veto="working").later(2.0)
    run.enters(4).closes("Channel 1", working=True).finds_closed(owed=1)
    assert broken(run, 5, 6) == []


def test_law_5_a_late_request_may_cross_a_close() -> None:
    run = draining(serving()).later(1.5).closes("Channel 1").requests()
    assert broken(run.later(0.1).finds_closed(owed=1, untold=True), 5) == []


def test_law_5_a_request_that_follows_an_answer_at_once_must_not_cross_a_close() -> None:
    run = draining(asked_once()).writes("Channel 1").answered().closes("Channel 1").requests()
    ((_, sentence),) = broken(run.later(2.0).finds_closed(owed=1, untold=True), 5)
    assert "client 1 was left without an answer to request 2" in sentence


def test_law_5_who_closes_at_once_behind_an_unannounced_answer_breaks_it() -> None:
    run = draining(asked_once()).writes("Channel 1").answered().closes("Channel 1").later(0.1)
    ((_, sentence),) = broken(run.finds_closed(untold=True), 5)
    assert sentence.startswith(
        "client 1 found its connection closed 0.100 s behind an answer at 0.100 s, in phase 3; "
    )


def test_law_5_where_patience_is_short_nobody_is_owed_most_of_it() -> None:
    run = draining(asked_once(), patience=1.0).writes("Channel 1").answered().later(0.3)
    assert broken(run.closes("Channel 1").finds_closed(untold=True), 5) == []


@pytest.mark.parametrize(("pause", "untold"), [(0.1, False), (2.0, True)])
def test_law_5_who_announces_or_waits_may_close(pause: float, untold: bool) -> None:
    run = draining(asked_once()).writes("Channel 1").answered(final=not untold).later(pause)
    assert broken(run.closes("Channel 1").finds_closed(untold=untold), 5) == []


def test_law_5_an_answer_that_is_cut_breaks_it() -> None:
    run = asked_once().writes("Channel 1").closes("Channel 1")
    ((law, sentence),) = broken(run.client("client 1", Did.CUT, number=1, size=120), 5)
    assert law == 5
    assert sentence.startswith("the answer to request 1 of client 1 was cut after 120 bytes")


@pytest.mark.parametrize("again", [Did.ANSWER, Did.SURPLUS])
def test_law_5_a_second_answer_breaks_it(again: Did) -> None:
    run = asked_once().answered()
    run.client("client 1", again, number=1, status=200, final=False, refusal=False, size=9)
    assert [law for law, _ in broken(run)] == [5]


def test_law_5_what_comes_while_a_request_is_half_sent_may_be_its_answer() -> None:
    assert broken(serving().begins().client("client 1", Did.SURPLUS, size=9)) == []


def test_law_5_an_answer_that_nothing_can_bring_any_more_breaks_it() -> None:
    run = draining(asked_once()).times(
        7, lambda run: run.asked("Channel 1", veto="working", time_in_phase=run.now).later(1.0)
    )
    ((law, sentence),) = broken(run)
    assert law == 5
    assert sentence.startswith("client 1 still waited for the answer to request 1 (GET /) at ")
    assert sentence.endswith("; nothing was left that could have brought it.")


def test_law_5_an_answer_that_nothing_can_bring_breaks_it_also_before_the_stop() -> None:
    ((law, _),) = broken(asked_once().later(6.0).later(1.0))
    assert law == 5


def test_law_5_an_answer_may_take_its_time() -> None:
    run = draining(asked_once()).asked("Channel 1", veto="working")
    for _ in range(20):
        run.add("loop", Did.WAIT, seconds=1.0, pending=["timer"])
        run.now += 1.0
    assert broken(run, 5) == []


def test_law_5_an_orderly_end_without_an_answer_breaks_it() -> None:
    run = draining(asked_once()).asked("Channel 1").enters(4).ended()
    ((law, sentence),) = broken(run)
    assert law == 5
    assert sentence.startswith("client 1 still waited for the answer to request 1 (GET /)")


def test_law_5_where_the_answers_are_unknown_nothing_is_claimed() -> None:
    run = serving().client("client 1", Did.REQUEST, number=1, name="hello", answered=False)
    run = draining(run).asked("Channel 1").closes("Channel 1").finds_closed(untold=False)
    assert broken(run.enters(4).ended()) == []


# 6. A channel that is working or writable is not closed by an orderly phase 3.


@pytest.mark.parametrize(
    ("why", "said"),
    [("unsent", "it had something to send"), ("working", "it was working")],
)
def test_law_6_a_channel_that_is_closed_at_work_breaks_it(why: str, said: str) -> None:
    run = draining(asked_once())
    ((law, sentence),) = broken(run.closes("Channel 1", **{why: True}))
    assert law == 6
    assert sentence == (
        f"Channel 1 closed the connection of client 1 while {said} at 0.000 s, in phase 3; it "
        "vetoes until that is done."
    )


def test_law_6_half_a_request_that_nobody_read_is_work() -> None:
    ((law, sentence),) = broken(draining(serving().begins()).closes("Channel 1", unread=18))
    assert law == 6
    assert "while half a request was there" in sentence


def test_law_6_half_a_request_that_was_read_is_work_until_its_client_is_silent_for_long() -> None:
    run = draining(serving().begins().reads("Channel 1", size=18))
    assert [law for law, _ in broken(run.closes("Channel 1"), 6)] == [6]
    run = draining(serving().begins().reads("Channel 1", size=18)).later(6.0)
    assert broken(run.closes("Channel 1"), 6) == []


def test_law_6_who_works_on_half_a_request_may_give_its_silent_client_up() -> None:
    run = draining(serving().begins().reads("Channel 1", size=18))
    assert [law for law, _ in broken(run.closes("Channel 1", working=True), 6)] == [6]
    run = draining(serving().begins().reads("Channel 1", size=18)).later(6.0)
    assert broken(run.closes("Channel 1", working=True), 6) == []


def refused_at_half_a_request() -> Run:
    """The server has sent something that is still under way, and closes."""
    run = draining(serving().begins().reads("Channel 1", size=18))
    return run.writes("Channel 1").closes("Channel 1")


def test_law_6_what_is_under_way_to_the_client_may_announce_the_close() -> None:
    run = refused_at_half_a_request().later(0.01)
    assert broken(run.answered(final=True, refusal=True).finds_closed(), 6) == []


def test_law_6_what_is_under_way_to_the_client_may_announce_nothing() -> None:
    ((law, sentence),) = broken(refused_at_half_a_request().later(0.01).finds_closed(), 6)
    assert (law, "while half a request was there" in sentence) == (6, True)


def test_law_6_half_a_request_that_has_not_arrived_is_nothing_yet() -> None:
    run = draining(asked_once().answered()).later(3.0).begins().closes("Channel 1")
    assert broken(run, 6) == []


def test_law_6_an_idle_channel_may_close() -> None:
    assert broken(draining(serving()).closes("Channel 1"), 6) == []


def test_law_6_whose_client_has_gone_may_close() -> None:
    run = draining(asked_once().hangs_up(owed=1))
    assert broken(run.closes("Channel 1", working=True), 6) == []


def test_law_6_nothing_is_claimed_before_the_stop() -> None:
    assert broken(asked_once().closes("Channel 1", working=True), 6) == []


def test_law_6_behind_all_patience_anybody_may_be_closed() -> None:
    run = draining(asked_once(), patience=1.0).asked("Channel 1", veto="working").later(1.0)
    assert broken(run.enters(4).closes("Channel 1", working=True), 6) == []


def test_law_6_a_channel_that_did_not_veto_and_is_closed_at_the_end_breaks_it() -> None:
    run = draining(asked_once()).asked("Channel 1").enters(4)
    assert [law for law, _ in broken(run.closes("Channel 1", working=True), 6)] == [6]


# 5, again: what is unread at the close resets the connection.


def test_law_5_closing_with_something_unread_behind_what_was_just_sent_breaks_it() -> None:
    run = draining(asked_once()).writes("Channel 1", size=5).closes("Channel 1", unread=6)
    ((law, sentence),) = broken(run, 5)
    assert law == 5
    assert sentence == (
        "Channel 1 closed on client 1 with 6 bytes unread at 0.000 s, in phase 3; "
        "they reset it, and what was sent last may be lost."
    )


def test_law_5_what_is_unread_harms_nobody_who_has_got_the_answer() -> None:
    run = draining(asked_once()).writes("Channel 1").answered(final=True)
    assert broken(run.closes("Channel 1", unread=6), 5) == []


def test_law_5_a_line_that_is_cut_for_who_sends_no_more_is_no_surplus() -> None:
    run = draining(serving()).client("client 1", Did.HALF_CLOSE)
    assert broken(run.client("client 1", Did.SURPLUS, size=3), 5) == []


def test_law_5_an_answer_that_is_a_second_old_need_not_have_announced_the_close() -> None:
    run = draining(asked_once().answered())
    run.asked("Channel 1", veto="still", eta=1.0).later(1.0)
    assert broken(run.finds_closed(untold=True), 5) == []


def test_law_6_of_what_is_never_answered_half_may_be_all_there_is() -> None:
    run = serving().client("client 1", Did.SEND, size=18, text="a line")
    run.client("client 1", Did.BEGIN, number=1, name="a line", answered=False)
    assert broken(draining(run).closes("Channel 1", unread=18), 6) == []
