"""The two contracts of the poller, against a reference that asks everybody, and turn by turn.

Foreign dispatchers are asked on every turn; ours when they join, after one of their handlers ran,
and when they say so.  Either way the selector watches for what each of them wants, and what
happens to a descriptor reaches the one who has it, and nobody else.
"""

from __future__ import annotations

import errno
import gc
import itertools
import socket
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lifetime import ExitNow, event_driven
from lifetime.poller import DISCONNECTED, Poller, is_event_driven, poller_of
from lifetime.selectors import ERROR, HANG_UP, INVALID, PRIORITY, READ, WRITE
from tests.laws.polls import Announcing, Foreign, Ours, ScriptedSelector, bad_descriptor
from tests.lifetime.members import raising

drawn = settings(deadline=None)
told = settings(drawn, max_examples=2 * drawn.max_examples)  # a story may end early, and is short

DESCRIPTORS = range(1, 7)
WANTS = st.sampled_from([0, READ, WRITE, READ | WRITE])
KINDS = st.sampled_from([Foreign, Ours, Announcing])
EITHER = pytest.mark.parametrize("kind", [Foreign, Ours])


class Table:
    """A poller over a map, its selector, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.map: dict[int, Any] = {}
        self.now = 0.0
        self.selector = ScriptedSelector()
        self.poller = Poller(self.map, self.selector, lambda: self.now)

    def seat(self, kind: type[Any], fd: int, wants: int = READ) -> Any:
        """A dispatcher that has joined, and has been asked by a first turn."""
        member = kind(self.map, fd, wants)
        member.join()
        self.poller.poll(0)
        return member

    def turn(self, *ready: tuple[int, int]) -> int:
        """One turn in which this is ready."""
        self.selector.ready = list(ready)
        return self.poller.poll(0)


@pytest.fixture
def table() -> Table:
    """An empty one."""
    return Table()


# Who is asked when, and what the selector is told


class PollerAgainstAskingEverybody(RuleBasedStateMachine):
    """The reference: before each wait, everybody's last valid answer is what is watched for."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.map, self.poller = self.table.map, self.table.poller
        self.due: set[Any] = set()  # ours that are to be asked before the next wait
        self.joined: list[Any] | None = None  # since somebody began to take notes
        self.concerned: set[int] | None = None

    # What dispatchers do

    def _join(self, member: Any) -> None:
        """As its kind does it: ours say so, the others do not."""
        if isinstance(member, Ours):
            member.join_aloud(self.poller)
        else:
            member.join()
        self.due.add(member)
        if self.joined is not None:
            self.joined.append(member)

    def _leave(self, member: Any) -> None:
        if isinstance(member, Ours):
            member.leave_aloud(self.poller)
        else:
            member.leave()
        if isinstance(member, Ours) or member.questions:  # else nobody has ever heard of it
            self._concern(member.fd)

    def _concern(self, fd: int) -> None:
        if self.concerned is not None:
            self.concerned.add(fd)

    @precondition(lambda self: self._free())
    @rule(data=st.data(), wants=WANTS, kind=KINDS)
    def one_joins(self, data: st.DataObject, wants: int, kind: Any) -> None:
        self._join(kind(self.map, data.draw(st.sampled_from(self._free())), wants))

    @precondition(lambda self: self.map)
    @rule(data=st.data())
    def one_leaves(self, data: st.DataObject) -> None:
        self._leave(self._draw(data))

    @precondition(lambda self: self.map)
    @rule(data=st.data(), wants=WANTS, kind=KINDS)
    def one_leaves_and_another_gets_its_number(
        self, data: st.DataObject, wants: int, kind: Any
    ) -> None:
        old = self._draw(data)
        self._leave(old)
        self._join(kind(self.map, old.fd, wants))

    def _free(self) -> list[int]:
        return [fd for fd in DESCRIPTORS if fd not in self.map]

    def _draw(self, data: st.DataObject) -> Any:
        return self.map[data.draw(st.sampled_from(list(self.map)))]

    @precondition(lambda self: self.map)
    @rule(data=st.data(), wants=WANTS)
    def one_changes_its_mind(self, data: st.DataObject, wants: int) -> None:
        member = self._draw(data)
        if isinstance(member, Ours):
            member.change(wants, self.poller)
            self.due.add(member)
            self._concern(member.fd)
        else:
            member.wants = wants

    @rule()
    def somebody_takes_notes(self) -> None:
        self.poller.synchronise()
        self.poller.arrivals, self.poller.touched = [], set()
        self.joined, self.concerned = [], set()

    @rule()
    def another_selector_takes_over(self) -> None:
        old, self.table.selector = self.table.selector, ScriptedSelector()
        self.poller.synchronise()
        self.poller.use(self.table.selector)
        assert old.closed
        self.due |= {each for each in self.map.values() if isinstance(each, Ours)}

    # The turn

    @rule(data=st.data())
    def a_turn(self, data: st.DataObject) -> None:
        table, members = self.table, list(self.map.values())
        before = {each: (each.questions, len(each.told)) for each in members}
        watched = {each.fd: _watched(each) for each in members if each.wants}
        events = {
            fd: data.draw(_events_of(self.map[fd].wants))
            for fd in data.draw(st.permutations(sorted(watched)))
            if data.draw(st.booleans())
        }
        table.now += 1.0
        table.selector.during = lambda timeout: self._about_to_wait(before, watched)
        assert table.turn(*events.items()) == len(events)
        assert table.poller.now == table.now
        for member in members:
            told = _expected(events.get(member.fd, 0))
            assert member.told[before[member][1] :] == told
            if told and type(member) is Ours:
                self.due.add(member)
        if self.concerned is not None:
            self.concerned |= set(events)
        assert self.poller.arrivals is None or set(self.poller.arrivals) >= self._arrived()
        assert self.concerned is None or self.concerned <= (self.poller.touched or set())

    def _arrived(self) -> set[Any]:
        return {each for each in self.joined or [] if self.map.get(each.fd) is each}

    def _about_to_wait(self, before: dict[Any, tuple[int, int]], watched: dict[int, int]) -> None:
        assert self.table.selector.watched == watched
        for member, (questions, _) in before.items():
            asked = not isinstance(member, Ours) or member in self.due
            assert member.questions - questions == asked
        self.due.clear()
        assert self.poller.waiting

    @invariant()
    def nobody_waits_between_two_turns(self) -> None:
        assert self.poller.waiting is False

    @invariant()
    def ours_know_their_poller(self) -> None:
        for member in self.map.values():
            assert not isinstance(member, Ours) or member.poller is self.poller


def _watched(member: Any) -> int:
    """What is to be watched for a dispatcher: for foreign ones urgent data too, as in asyncore."""
    if member.wants & READ and not isinstance(member, Ours):
        return int(member.wants | PRIORITY)
    return int(member.wants)


def _events_of(wants: int) -> st.SearchStrategy[int]:
    return st.sampled_from(
        [each for each in (READ, WRITE, READ | WRITE, HANG_UP) if each & wants or each == HANG_UP]
    )


def _expected(events: int) -> list[str]:
    """Which handlers some events call, in asyncore's order; who reads on finds the end itself."""
    told = [name for mask, name in ((READ, "read"), (WRITE, "write"), (PRIORITY, "urgent"))
            if events & mask]  # fmt: skip
    end = ERROR | INVALID | (0 if events & READ else HANG_UP)
    return told + ["close"] * bool(events & end)


class TestPollerAgainstAskingEverybody(
    PollerAgainstAskingEverybody.TestCase  # type: ignore[misc]
):
    settings = told


def test_an_object_is_event_driven_only_if_both_of_its_answers_are() -> None:
    def answer(self: object) -> bool:
        return True

    def marked(self: object) -> bool:
        return True

    assert event_driven(marked) is marked
    both = [
        is_event_driven(type("Answering", (), {"readable": reads, "writable": writes})())
        for reads in (answer, marked)
        for writes in (answer, marked)
    ]
    assert both == [False, False, False, True]


def test_whoever_takes_notes_learns_who_came_who_left_who_changed_and_who_was_served(
    table: Table,
) -> None:
    changing, leaving, served = (table.seat(Ours, fd) for fd in (1, 2, 3))
    quiet = table.seat(Foreign, 4)
    table.poller.arrivals, table.poller.touched = [], set()
    changing.change(WRITE, table.poller)
    leaving.leave_aloud(table.poller)
    coming = [Ours(table.map, 5), Foreign(table.map, 6)]
    coming[0].join_aloud(table.poller)
    coming[1].join()
    table.turn((served.fd, READ))
    assert (table.poller.arrivals, table.poller.touched) == (coming, {1, 2, 3})
    assert quiet.told == []


@EITHER
def test_a_question_that_raises_goes_to_the_error_handler_and_nothing_changes(
    table: Table, kind: Any
) -> None:
    member = table.seat(kind, 1)
    member.acts["writable"] = raising(ValueError("scripted"))
    if kind is Ours:
        table.poller.changed(1, member)
    table.turn()
    assert (member.told, table.selector.watched) == (["error"], {1: _watched(member)})


@EITHER
def test_who_accepts_does_not_write(table: Table, kind: Any) -> None:
    member = kind(table.map, 1, READ | WRITE)
    member.accepting = True
    member.join()
    table.turn()
    assert not table.selector.watched[1] & WRITE


@EITHER
def test_who_wants_what_it_wanted_costs_no_call_of_the_system(table: Table, kind: Any) -> None:
    table.seat(kind, 1)
    table.seat(kind, 2, wants=0)
    table.selector.calls.clear()
    for member in table.map.values():
        table.poller.changed(member.fd, member)
        table.turn()
    assert table.selector.calls == []


@EITHER
def test_who_wants_nothing_any_more_is_not_watched_and_later_watched_again(
    table: Table, kind: Any
) -> None:
    member = table.seat(kind, 1, WRITE)
    for wants in (0, READ | WRITE):
        if kind is Ours:
            member.change(wants, table.poller)
        member.wants = wants
        table.turn()
        assert table.selector.watched == ({1: _watched(member)} if wants else {})


@EITHER
def test_who_leaves_while_asked_is_not_watched(table: Table, kind: Any) -> None:
    member = kind(table.map, 1)
    member.acts["readable"] = lambda: (member.leave(), table.poller.release(1, member))
    member.join()
    table.turn()
    assert table.selector.calls == []


def test_a_foreign_one_that_swaps_its_socket_is_watched_anew(table: Table) -> None:
    member = Foreign(table.map, 1)
    member.socket = object()  # type: ignore[attr-defined]
    member.join()
    table.turn()
    table.turn()
    assert table.selector.calls == [("watch", 1)]
    member.socket = object()  # type: ignore[attr-defined]
    table.turn()
    table.turn()
    assert table.selector.calls == [("watch", 1)] * 2


def test_a_foreign_one_that_joined_while_another_was_asked_is_asked_in_the_same_turn(
    table: Table,
) -> None:
    first, second = table.seat(Foreign, 1), Foreign(table.map, 2)
    first.acts["readable"] = second.join
    table.poller.poll(None)
    assert (table.selector.timeouts[1:], second.questions) == ([None], 1)
    assert sorted(table.selector.watched) == [1, 2]


def test_a_foreign_one_that_makes_another_join_in_each_answer_does_not_keep_the_loop_busy(
    table: Table,
) -> None:
    breeder = table.seat(Foreign, 1)
    breeder.acts["readable"] = lambda: Foreign(table.map, len(table.map) + 1).join()
    table.poller.poll(None)
    assert table.selector.timeouts[1:] == [None]


def test_ours_that_joins_while_another_of_ours_is_asked_is_asked_in_the_same_turn(
    table: Table,
) -> None:
    first, second = table.seat(Ours, 1), Ours(table.map, 2)
    first.acts["readable"] = lambda: second.join_aloud(table.poller)
    table.poller.changed(1, first)
    table.turn()
    assert sorted(table.selector.watched) == [1, 2]


def test_ours_that_left_before_it_was_asked_is_not_asked(table: Table) -> None:
    first, second = table.seat(Ours, 1), table.seat(Ours, 2)
    first.acts["readable"] = second.leave
    questions = second.questions
    for member in (first, second):
        table.poller.changed(member.fd, member)
    table.turn()
    assert second.questions == questions


def test_a_foreign_one_that_was_taken_out_while_others_are_asked_is_not_asked(
    table: Table,
) -> None:
    first, second = table.seat(Foreign, 1), table.seat(Foreign, 2)
    first.acts["readable"] = second.leave
    questions = second.questions
    table.turn()
    assert (second.questions, sorted(table.selector.watched)) == (questions, [1])


def test_whoever_was_taken_out_by_somebody_asked_later_is_forgotten_as_well(table: Table) -> None:
    first, second, third = (table.seat(Foreign, fd) for fd in (1, 2, 3))
    first.acts["readable"] = second.leave
    third.acts["readable"] = first.leave
    table.turn()
    assert sorted(table.selector.watched) == [3]


def test_a_foreign_one_in_the_very_place_of_another_is_found_when_it_is_asked(
    table: Table,
) -> None:
    for fd in (1, 2):
        table.seat(Foreign, fd)
    new = Foreign(table.map, 1, WRITE)
    new.join()
    for _ in range(2):
        table.turn()
    assert (new.questions, table.selector.watched[1]) == (2, WRITE)


# Who gets what happens


@EITHER
@pytest.mark.parametrize("connected", [True, False])
def test_every_mixture_of_events_calls_its_handlers_in_asyncores_order(
    table: Table, kind: Any, connected: bool
) -> None:
    member = table.seat(kind, 1, READ | WRITE)
    member.connected, member.connecting, member.accepting = connected, not connected, False
    for events in range(1, INVALID):
        member.told.clear()
        table.turn((1, events))
        assert member.told == _expected(events), events


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({}, ["close"]),
        ({"connected": True}, ["close"]),
        ({"connected": False, "connecting": True}, ["close"]),
        ({"connected": False, "accepting": True}, ["close"]),
        ({"connected": False}, []),
        ({"connected": False, "connecting": False, "accepting": False}, []),
    ],
)
def test_a_hang_up_of_a_socket_that_was_never_used_is_not_heard_and_not_heard_again(
    table: Table, state: dict[str, bool], told: list[str]
) -> None:
    member = table.seat(Foreign, 1)
    vars(member).update(state)
    table.turn((1, HANG_UP))
    assert (member.told, 1 in table.selector.watched) == (told, told != [])


@EITHER
def test_an_error_of_a_socket_that_was_never_used_is_heard(table: Table, kind: Any) -> None:
    member = table.seat(kind, 1)
    member.connected = False
    table.turn((1, ERROR))
    assert member.told == ["close"]


@EITHER
def test_who_has_gone_after_the_first_of_two_events_does_not_hear_the_second(
    table: Table, kind: Any
) -> None:
    member = table.seat(kind, 1, READ | WRITE)
    member.acts["read"] = member.close
    table.turn((1, READ | WRITE | INVALID))
    assert (member.told, member.closed) == (["read"], 1)


@EITHER
def test_a_descriptor_that_is_none_is_closed_and_taken_out(
    table: Table, kind: Any, log: pytest.LogCaptureFixture
) -> None:
    member = table.seat(kind, 1)
    table.turn((1, INVALID))
    assert (member.told, member.closed, table.map) == (["close"], 1, {})
    assert table.selector.watched == {}
    assert log.messages == [
        f"{member!r} is taken out of the socket map: [Errno 9] its descriptor is closed"
    ]


@EITHER
def test_one_that_closes_itself_when_its_descriptor_is_none_is_not_closed_twice(
    table: Table, kind: Any
) -> None:
    member = table.seat(kind, 1)
    member.acts["close"] = member.close
    table.turn((1, INVALID))
    assert member.closed == 1


@EITHER
@pytest.mark.parametrize("how", ["closed", "closed aloud", "replaced", "replaced aloud"])
def test_one_that_left_earlier_in_the_turn_is_not_called_nor_is_its_successor_and_the_others_are(
    table: Table, kind: Any, how: str
) -> None:
    first, second, third = (table.seat(kind, fd) for fd in (1, 2, 3))
    successor = Ours(table.map, 2)

    def act() -> None:
        second.close()
        if how == "closed aloud":
            table.poller.release(2, second)
        elif how == "replaced":
            successor.join()
        elif how == "replaced aloud":
            successor.join_aloud(table.poller)

    first.acts["read"] = act
    assert table.turn((1, READ), (2, READ), (3, READ)) == 3
    assert [each.told for each in (first, second, successor, third)] == [["read"], [], [], ["read"]]
    table.turn((2, READ))
    assert successor.told == (["read"] if "replaced" in how else [])


def test_one_that_leaves_and_comes_back_in_the_same_turn_is_heard_as_before(table: Table) -> None:
    first, second, third = (table.seat(Foreign, fd) for fd in (1, 2, 3))
    first.acts["read"] = second.leave
    third.acts["read"] = second.join
    table.turn((1, READ), (2, READ), (3, READ))
    first.acts.clear()
    table.turn((2, READ))
    assert (second.told, table.selector.watched[2]) == (["read"], READ | PRIORITY)


def test_what_is_ready_behind_a_newcomer_of_this_turn_is_served(table: Table) -> None:
    first, second = table.seat(Ours, 1), table.seat(Ours, 2)
    first.acts["read"] = lambda: Ours(table.map, 3).join_aloud(table.poller)
    table.turn((1, READ), (2, READ))
    assert second.told == ["read"]


def test_an_event_for_a_descriptor_that_nobody_has_is_the_last_one(table: Table) -> None:
    table.selector.watched[9] = READ
    table.turn((9, READ))
    assert table.selector.watched == {}


def test_an_event_for_one_that_nobody_has_told_us_of_makes_us_look_closely(table: Table) -> None:
    table.seat(Ours, 1)
    last = table.seat(Ours, 2)
    new = Ours(table.map, 1)
    new.join()  # in the very place of the first, so neither the size nor the last one tells
    table.turn((1, READ))
    assert (new.questions, new.told) == (0, [])
    table.turn()
    assert (new.questions, new.told, last.questions) == (1, [], 1)


@EITHER
@pytest.mark.parametrize("number", [1, 2])
def test_looking_closely_does_not_depend_on_how_many_there_are(
    table: Table, kind: Any, number: int
) -> None:
    members = [table.seat(kind, fd) for fd in range(1, number + 2)]
    new = Ours(table.map, 1)
    members[-1].acts["read"] = lambda: [each.leave() for each in members[:-1]]
    table.turn((number + 1, READ), (1, READ))
    table.turn()
    assert sorted(table.selector.watched) == [number + 1]
    assert new.told == []


# Descriptors of our own


def test_an_inner_descriptor_is_watched_by_every_selector_until_it_is_forgotten(
    table: Table,
) -> None:
    calls: list[int] = []
    for fd in (7, 8):
        table.poller.watch_inner(fd, lambda fd=fd: calls.append(fd))  # type: ignore[misc]
    table.turn((7, READ), (8, READ))
    assert (table.selector.watched, calls, table.map) == ({7: READ, 8: READ}, [7, 8], {})
    table.selector, old = ScriptedSelector(), table.selector
    table.poller.use(table.selector)
    assert (table.selector.watched, old.closed) == ({7: READ, 8: READ}, True)
    table.poller.forget_inner(7)
    table.poller.forget_inner(7)
    assert (table.selector.watched, table.selector.calls.count(("forget", 7))) == ({8: READ}, 1)
    table.poller.forget_inners()
    assert table.selector.watched == {}
    table.turn((7, READ), (8, READ))
    assert calls == [7, 8]


def test_behind_an_inner_descriptor_everybody_else_is_served(table: Table) -> None:
    member = table.seat(Ours, 1)
    table.poller.watch_inner(7, lambda: None)
    table.turn((7, READ), (1, READ))
    assert member.told == ["read"]


# The end of a turn


def test_what_is_to_be_done_at_the_end_of_a_turn_is_done_behind_all_handlers_in_order(
    table: Table,
) -> None:
    story: list[str] = []
    first, second = table.seat(Ours, 1), table.seat(Ours, 2)

    def later() -> None:
        story.append("later")
        table.poller.at_end_of_turn(lambda: story.append("at once"))

    first.acts["read"] = lambda: (
        table.poller.at_end_of_turn(later),
        table.poller.at_end_of_turn(lambda: story.append("last")),
    )
    second.acts["read"] = lambda: story.append("second")
    table.turn((1, READ), (2, READ))
    assert story == ["second", "later", "at once", "last"]


def test_between_two_turns_it_is_done_at_once(table: Table) -> None:
    story: list[str] = []
    table.poller.at_end_of_turn(lambda: story.append("before any turn"))
    assert story == ["before any turn"]
    table.turn()
    table.poller.at_end_of_turn(lambda: story.append("behind one"))
    assert story == ["before any turn", "behind one"]


def test_what_fails_at_the_end_of_a_turn_is_logged_and_harms_nobody(
    table: Table, log: pytest.LogCaptureFixture
) -> None:
    story: list[str] = []
    member = table.seat(Ours, 1)
    broken = raising(ValueError("scripted"))
    member.acts["read"] = lambda: [
        table.poller.at_end_of_turn(each) for each in (broken, lambda: story.append("next"))
    ]
    table.turn((1, READ))
    assert story == ["next"]
    assert log.messages == [f"{broken!r} failed at the end of a turn: scripted"]
    assert log.records[0].exc_info is not None


def test_the_turn_is_ended_also_if_a_handler_leaves_the_loop(table: Table) -> None:
    story: list[str] = []
    member = table.seat(Ours, 1)

    def leave() -> None:
        table.poller.at_end_of_turn(lambda: story.append("ended"))
        raise ExitNow("scripted")

    member.acts["read"] = leave
    with pytest.raises(ExitNow):
        table.turn((1, READ))
    assert story == ["ended"]


def test_at_the_end_of_a_turn_too_the_loop_can_be_left(table: Table) -> None:
    member = table.seat(Ours, 1)
    member.acts["read"] = lambda: table.poller.at_end_of_turn(raising(ExitNow("scripted")))
    with pytest.raises(ExitNow):
        table.turn((1, READ))


# What goes wrong


@EITHER
@pytest.mark.parametrize("place", ["read", "readable", "writable"])
@pytest.mark.parametrize("number", [*sorted(DISCONNECTED), errno.EIO, None])
def test_an_error_is_a_hang_up_if_it_only_says_that_the_peer_is_gone(
    table: Table, kind: Any, number: int | None, place: str
) -> None:
    bad, good = table.seat(kind, 1), table.seat(kind, 2)
    error = ValueError("scripted") if number is None else OSError(number, "scripted")
    bad.acts[place] = raising(error)
    if kind is Ours:
        table.poller.changed(1, bad)
    table.turn(*[(1, READ)] * (place == "read"), (2, READ))
    assert bad.told[-1] == ("close" if number in DISCONNECTED else "error")
    assert good.told == ["read"]


@EITHER
@pytest.mark.parametrize("place", ["read", "readable", "watch"])
def test_one_that_cannot_be_served_is_taken_out_and_closed_and_said_to_be_so(
    table: Table, kind: Any, place: str, log: pytest.LogCaptureFixture
) -> None:
    bad, good = table.seat(kind, 1), table.seat(kind, 2)
    if place == "watch":
        table.selector.refuses[1] = error = ValueError("cannot be watched")
        bad.wants = WRITE
    else:
        bad.acts[place] = raising(ValueError("first"))
        bad.acts["error"] = raising(error := ValueError("second"))
    table.poller.changed(1, bad)
    table.turn((1, READ), (2, READ))
    assert (table.map, bad.closed, good.told) == ({2: good}, 1, ["read"])
    assert table.selector.watched == {2: _watched(good)}
    assert log.messages == [f"{bad!r} is taken out of the socket map: {error}"]
    assert log.records[0].exc_info == (ValueError, error, error.__traceback__)


@EITHER
def test_a_close_that_fails_as_well_is_logged_and_harms_nobody(
    table: Table, kind: Any, log: pytest.LogCaptureFixture
) -> None:
    bad, good = table.seat(kind, 1), table.seat(kind, 2)
    bad.acts |= {
        "read": raising(ValueError("first")),
        "error": raising(ValueError("second")),
        "closing": raising(ValueError("third")),
    }
    table.turn((1, READ), (2, READ))
    assert (table.map, good.told) == ({2: good}, ["read"])
    assert log.messages[1:] == [f"closing {bad!r} failed as well: third"]


def test_one_whose_place_another_has_taken_is_closed_and_the_other_stays(table: Table) -> None:
    bad, good = table.seat(Ours, 1), Ours(table.map, 1)

    def replace() -> None:
        good.join_aloud(table.poller)
        raise ValueError("scripted")

    bad.acts |= {"read": replace, "error": raising(ValueError("second"))}
    table.turn((1, READ))
    assert (table.map, bad.closed, good.closed) == ({1: good}, 1, 0)


@EITHER
@pytest.mark.parametrize("error", [ExitNow("now"), SystemExit(2), KeyboardInterrupt()])
@pytest.mark.parametrize("place", ["read", "readable", "error"])
def test_these_three_leave_the_poll_from_anywhere(
    table: Table, kind: Any, place: str, error: BaseException
) -> None:
    member = table.seat(kind, 1)
    member.acts["read"] = raising(ValueError("scripted"))
    member.acts[place] = raising(error)
    if kind is Ours:
        table.poller.changed(1, member)
    with pytest.raises(type(error)) as caught:
        table.turn((1, READ))
    assert (caught.value, table.map) == (error, {1: member})


def closed_socket() -> socket.socket:
    """One that is closed already."""
    sock = socket.socket()
    sock.close()
    return sock


def test_when_the_poll_fails_only_the_bad_ones_are_taken_out(
    table: Table, log: pytest.LogCaptureFixture
) -> None:
    unwatchable = table.seat(Ours, 1)
    closed = table.seat(Ours, 2)
    closed.socket = closed_socket()
    good = table.seat(Ours, 3, WRITE)
    quiet = table.seat(Ours, 4, wants=0)
    with socket.socket() as alive:
        fine = Ours(table.map, alive.fileno())
        fine.socket = alive  # type: ignore[attr-defined]
        stale = Ours(table.map, 1_000_000)  # a number that no descriptor has
        stale.socket = alive  # type: ignore[attr-defined]
        for member in (fine, stale):
            member.join_aloud(table.poller)
        table.selector.refuses[1] = bad_descriptor()
        table.selector.fails = bad_descriptor()
        table.now = 5.0
        assert table.turn((3, READ)) == 0
    assert set(table.map.values()) == {good, quiet, fine}
    assert [each.closed for each in (unwatchable, closed, stale, good)] == [1, 1, 1, 0]
    assert (table.selector.watched[3], table.selector.watched[4]) == (WRITE, READ)
    assert (table.poller.now, table.poller.waiting, good.told) == (5.0, False, [])
    assert log.messages == [
        "the poll failed: [Errno 9] scripted; looking for the bad descriptor",
        f"{unwatchable!r} is taken out of the socket map: [Errno 9] scripted",
        f"{closed!r} is taken out of the socket map: [Errno 9] its socket is closed",
        f"{stale!r} is taken out of the socket map: [Errno 9] Bad file descriptor",
    ]


def test_when_the_poll_fails_one_that_cannot_even_be_closed_is_taken_out_as_well(
    table: Table,
) -> None:
    bad, good = table.seat(Ours, 1), table.seat(Ours, 2)
    bad.acts["closing"] = raising(ValueError("scripted"))
    table.selector.refuses[1] = table.selector.fails = bad_descriptor()
    table.turn()
    assert (table.map, table.selector.watched) == ({2: good}, {2: READ})


def test_a_socket_with_the_lowest_number_is_no_closed_one(table: Table) -> None:
    member = table.seat(Ours, 0)
    member.socket = SimpleNamespace(fileno=lambda: 0)
    table.selector.fails = bad_descriptor()
    table.turn()
    assert table.map == {0: member}


# One map, one poller


def test_the_poller_of_a_map_is_the_latest_one_that_is_not_closed() -> None:
    map: dict[int, Any] = {}
    first = Poller(map, ScriptedSelector())
    second = Poller(map, ScriptedSelector())
    others = Poller({}, ScriptedSelector())
    first.close()
    assert poller_of(map) is second
    second.close()
    assert (poller_of(map), poller_of(others.map)) == (None, others)
    assert isinstance(second.selector, ScriptedSelector) and second.selector.closed


def test_a_poller_that_nobody_keeps_is_nobodys() -> None:
    map: dict[int, Any] = {}
    Poller(map, ScriptedSelector())
    assert poller_of(map) is None


def test_a_poller_knows_the_time_from_the_start() -> None:
    assert Poller({}, ScriptedSelector(), lambda: 7.0).now == 7.0


@given(st.none() | st.floats(0, 1e6))
def test_the_selector_waits_as_long_as_it_is_told_to(timeout: float | None) -> None:
    table = Table()
    table.poller.poll(timeout)
    assert table.selector.timeouts == [timeout]


@pytest.mark.parametrize("asked", [True, False])
@EITHER
def test_whoever_has_left_is_not_kept_alive_nor_is_its_socket(
    table: Table, kind: Any, asked: bool
) -> None:
    member = kind(table.map, 1)
    member.socket = socket.socket()
    kept = [weakref.ref(member), weakref.ref(member.socket)]
    if kind is Ours:
        member.join_aloud(table.poller)
    else:
        member.join()
    if asked or kind is Foreign:
        table.turn((1, READ))
    _go([member], table.poller)
    if kind is Foreign:
        table.turn()
    member.socket.close()
    del member
    gc.collect()
    assert [each() for each in kept] == [None, None]


# Telling us spares the walk over the map


class CountingMap(dict[int, Any]):
    """Counts how often somebody walks over it from its beginning."""

    walks = 0

    def items(self) -> Any:
        return _CountedItems(self, super().items())


class _CountedItems:
    """A view of the items."""

    def __init__(self, map: CountingMap, items: Any) -> None:
        self.map = map
        self.items = items

    def __iter__(self) -> Any:
        self.map.walks += 1
        return iter(self.items)

    def __reversed__(self) -> Any:
        return reversed(self.items)


@drawn
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=30))
def test_as_long_as_all_who_come_and_go_say_so_nobody_walks_over_the_map(
    story: list[tuple[bool, int]],
) -> None:
    map, numbers = CountingMap(), itertools.count(1)
    poller = Poller(map, ScriptedSelector())
    here: list[Ours] = []
    for comes, place in story:
        if comes or not here:
            here.append(Ours(map, next(numbers)))
            here[-1].join_aloud(poller)
        else:
            here.pop(place % len(here)).leave_aloud(poller)
        if place % 3 == 0:
            poller.poll(0)
    poller.poll(0)
    assert (map.walks, [each.questions for each in here]) == (0, [1] * len(here))


def test_every_short_story_of_those_who_say_so_and_those_who_do_not_is_seen() -> None:
    for story in itertools.product(ACTS, repeat=4):
        table, numbers = Table(), itertools.count(1)
        for what in ("ours comes", "comes", "ours comes", "turn", *story, "turn"):
            ACTS[what](table, numbers)
        expected = {fd: _watched(member) for fd, member in table.map.items()}
        assert table.selector.watched == expected, story


def _first(table: Table) -> list[Any]:
    return list(table.map.values())[:1]


def _last(table: Table) -> list[Any]:
    return list(table.map.values())[-1:]


def _go(members: list[Any], poller: Poller) -> None:
    for member in members:
        if isinstance(member, Ours):
            member.leave_aloud(poller)
        else:
            member.leave()


def _replace(members: list[Any], kind: type[Any], poller: Poller) -> None:
    """Somebody leaves without a word, and another gets the number."""
    for old in members:
        old.leave()
        new = kind(old.map, old.fd)
        if isinstance(new, Ours):
            new.join_aloud(poller)
        else:
            new.join()


ACTS: dict[str, Callable[[Table, Iterator[int]], object]] = {
    "comes": lambda table, numbers: Foreign(table.map, next(numbers)).join(),
    "ours comes": lambda table, numbers: Ours(table.map, next(numbers)).join_aloud(table.poller),
    "first goes": lambda table, numbers: _go(_first(table), table.poller),
    "last goes": lambda table, numbers: _go(_last(table), table.poller),
    "first goes without a word": lambda table, numbers: [each.leave() for each in _first(table)],
    "last goes without a word": lambda table, numbers: [each.leave() for each in _last(table)],
    "replaced": lambda table, numbers: _replace(_first(table), Foreign, table.poller),
    "replaced by ours": lambda table, numbers: _replace(_first(table), Ours, table.poller),
    "turn": lambda table, numbers: table.turn(),
}
