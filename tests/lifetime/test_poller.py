"""One turn of the poll over real sockets, with every selector this system has.

Foreign dispatchers are asked on every turn, ours when something happened, and no event reaches the
wrong object.
"""

from __future__ import annotations

import asyncore
import os
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lifetime import Dispatcher, ExitNow, event_driven
from lifetime.poller import Poller, SocketMap
from lifetime.selectors import EpollSelector, PollSelector, SelectSelector
from tests.lifetime.members import raising

SELECTORS = [
    kind
    for kind, needed in (
        (EpollSelector, "epoll"),
        (PollSelector, "poll"),
        (SelectSelector, "select"),
    )
    if hasattr(select, needed)
]


@pytest.fixture(params=SELECTORS, ids=lambda kind: kind.__name__)
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    """A poller with a map of its own; what is left in the map is closed behind the test."""
    poller = Poller({}, request.param())
    yield poller
    for dispatcher in list(poller.map.values()):
        dispatcher.close()
    poller.close()


def socket_pair_at(number: int) -> tuple[socket.socket, socket.socket]:
    """A socket pair whose first end has this descriptor, which is free."""
    ours, peer = socket.socketpair()
    if peer.fileno() == number:
        return peer, ours
    if ours.fileno() != number:
        os.dup2(ours.fileno(), number)
        ours.close()
        ours = socket.socket(fileno=number)
    return ours, peer


class Foreign(asyncore.dispatcher):
    """A dispatcher as legacy code writes them: it knows nothing of us."""

    def __init__(self, map: SocketMap, number: int | None = None) -> None:
        ours, self.peer = socket.socketpair() if number is None else socket_pair_at(number)
        super().__init__(ours, map)
        self.questions = 0
        self.events: list[str] = []
        self.error: BaseException | None = None

    def readable(self) -> bool:
        self.questions += 1
        return True

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.events.append("read " + self.recv(4096).decode())
        if self.error is not None:
            raise self.error

    def handle_write(self) -> None:
        self.events.append("write")

    def handle_expt(self) -> None:
        self.events.append("urgent")

    def handle_close(self) -> None:
        self.events.append("close")
        self.close()

    def handle_error(self) -> None:
        self.events.append("error")

    def close(self) -> None:
        super().close()
        self.peer.close()


class Ours(Dispatcher):
    """The same on our Dispatcher; its answers change with an event only, as it declares."""

    def __init__(self, map: SocketMap, number: int | None = None) -> None:
        ours, self.peer = socket.socketpair() if number is None else socket_pair_at(number)
        self.questions = 0
        self.events: list[str] = []
        self.error: BaseException | None = None
        super().__init__(ours, map)

    @event_driven
    def readable(self) -> bool:
        self.questions += 1
        return True

    handle_read = Foreign.handle_read
    handle_write = Foreign.handle_write
    handle_error = Foreign.handle_error

    def handle_close(self) -> None:
        self.events.append("close")
        self.close()

    def close(self) -> None:
        super().close()
        self.peer.close()


EITHER = pytest.mark.parametrize("kind", [Foreign, Ours])


# Who is asked when


def test_a_foreign_dispatcher_is_asked_on_every_turn(poller: Poller) -> None:
    foreign = Foreign(poller.map)
    for _ in range(5):
        poller.poll(0)
    assert foreign.questions == 5


class OverridesReadable(Ours):
    def readable(self) -> bool:
        self.questions += 1
        return False


class OverridesWritable(Ours):
    @event_driven
    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        self.questions += 1
        return False


@pytest.mark.parametrize("name", ["readable", "writable"])
def test_a_subclass_of_ours_that_overrides_one_of_the_two_is_asked_on_every_turn(
    poller: Poller, name: str
) -> None:
    if name == "readable":
        dispatcher: Ours = OverridesReadable(poller.map)
    else:
        dispatcher = OverridesWritable(poller.map)
    for _ in range(5):
        poller.poll(0)
    assert dispatcher.questions == 5


def test_a_class_patched_before_its_object_joins_is_asked_on_every_turn(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[object] = []
    monkeypatch.setattr(Ours, "readable", lambda self: questions.append(self))
    Ours(poller.map)
    for _ in range(5):
        poller.poll(0)
    assert len(questions) == 5


def test_ours_is_asked_once_and_then_not_while_nothing_happens(poller: Poller) -> None:
    ours = Ours(poller.map)
    for _ in range(5):
        poller.poll(0)
    assert ours.questions == 1


def test_ours_is_asked_again_after_one_of_its_handlers_ran(poller: Poller) -> None:
    ours = Ours(poller.map)
    ours.peer.send(b"x")
    for _ in range(5):
        poller.poll(0)
    assert ours.questions == 2


def test_ours_is_asked_again_when_it_says_that_it_changed(poller: Poller) -> None:
    ours = Ours(poller.map)
    poller.poll(0)
    ours.changed()
    for _ in range(5):
        poller.poll(0)
    assert ours.questions == 2


class Announcing(Ours):
    announces_changes = True


def test_one_that_announces_its_changes_is_not_even_asked_after_its_handlers(
    poller: Poller,
) -> None:
    announcing = Announcing(poller.map)
    announcing.peer.send(b"x")
    for _ in range(5):
        poller.poll(0)
    assert (announcing.questions, announcing.events) == (1, ["read x"])


def test_everybody_is_asked_anew_by_another_selector(poller: Poller) -> None:
    ours = Ours(poller.map)
    poller.poll(0)
    poller.use(type(poller.selector)())
    ours.peer.send(b"x")
    poller.poll(0)
    assert ours.events == ["read x"]


def test_legacy_code_may_work_in_readable_under_a_key_it_made_up(poller: Poller) -> None:
    clock = Clock()
    poller.map[123_456] = clock
    for _ in range(5):
        poller.poll(0)
    assert (clock.ticks, poller.map) == (5, {123_456: clock})
    del poller.map[123_456]


class Clock(asyncore.dispatcher):
    """Never connected: it does its work whenever somebody asks, as clock servers did."""

    def __init__(self, map: SocketMap | None = None) -> None:
        super().__init__(map={} if map is None else map)
        self.ticks = 0

    def readable(self) -> bool:
        self.ticks += 1
        return False

    def writable(self) -> bool:
        return False


def test_legacy_code_may_work_in_readable_with_a_socket_that_never_connects(
    poller: Poller,
) -> None:
    clock = Clock(poller.map)
    clock.create_socket(socket.AF_INET, socket.SOCK_STREAM)
    ready = [poller.poll(0) for _ in range(5)]
    assert (clock.ticks, ready) == (5, [0] * 5)


# Events


@EITHER
def test_what_arrives_is_read(poller: Poller, kind: Any) -> None:
    dispatcher = kind(poller.map)
    dispatcher.peer.send(b"hello")
    poller.poll(0)
    assert dispatcher.events == ["read hello"]


@EITHER
def test_a_hang_up_closes(poller: Poller, kind: Any) -> None:
    dispatcher = kind(poller.map)
    dispatcher.peer.close()
    poller.poll(0)
    assert ("close" in dispatcher.events, poller.map) == (True, {})


@EITHER
def test_a_foreign_or_own_dispatcher_that_wants_to_write_may(poller: Poller, kind: Any) -> None:
    dispatcher = kind(poller.map)
    dispatcher.writable = lambda: True
    if kind is Ours:
        dispatcher.changed()
    poller.poll(0)
    assert dispatcher.events == ["write"]


@EITHER
def test_a_peer_that_is_gone_does_not_spin_for_one_that_wants_nothing(
    poller: Poller, kind: Any
) -> None:
    dispatcher = kind(poller.map)
    poller.poll(0)
    dispatcher.readable = lambda: False
    if kind is Ours:
        dispatcher.changed()
    dispatcher.peer.close()
    assert [poller.poll(0) for _ in range(3)] == [0, 0, 0]


def test_urgent_data_reaches_a_foreign_dispatcher(poller: Poller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    foreign = Foreign(poller.map)
    foreign.close()
    foreign.peer = peer
    foreign.set_socket(ours, poller.map)
    foreign.connected = True
    foreign.handle_read_event = lambda: None  # type: ignore[method-assign]
    peer.send(b"!", socket.MSG_OOB)
    poller.poll(10.0)
    assert "urgent" in foreign.events


@pytest.mark.parametrize("base", [asyncore.dispatcher, Dispatcher])
def test_listening_connecting_and_accepting(poller: Poller, base: Any) -> None:
    story: list[str] = []

    class Listener(base):  # type: ignore[misc]
        def handle_accepted(self, sock: socket.socket, address: object) -> None:
            story.append("accepted")
            sock.close()

    class Client(base):  # type: ignore[misc]
        def handle_connect(self) -> None:
            story.append("connected")

        def handle_read(self) -> None:
            self.recv(1)

        def handle_write(self) -> None:
            pass

        def handle_close(self) -> None:
            story.append("closed")
            self.close()

    listener = Listener(map=poller.map)
    listener.create_socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    client = Client(map=poller.map)
    client.create_socket(socket.AF_INET, socket.SOCK_STREAM)
    client.connect(listener.socket.getsockname())
    for _ in range(20):
        if "closed" in story:
            break
        poller.poll(10.0)
    assert sorted(story) == ["accepted", "closed", "connected"]


@EITHER
def test_an_error_of_a_handler_goes_to_its_own_error_handler(poller: Poller, kind: Any) -> None:
    bad, good = kind(poller.map), kind(poller.map)
    bad.error = ValueError("broken")
    for dispatcher in (bad, good):
        dispatcher.peer.send(b"x")
    poller.poll(0)
    assert (bad.events, good.events) == (["read x", "error"], ["read x"])


@EITHER
def test_one_whose_error_handler_raises_is_taken_out_and_closed(poller: Poller, kind: Any) -> None:
    bad, good = kind(poller.map), kind(poller.map)
    bad.error = ValueError("broken")
    bad.handle_error = raising(ValueError("broken too"))
    for dispatcher in (bad, good):
        dispatcher.peer.send(b"x")
    poller.poll(0)
    assert (list(poller.map.values()), bad.socket.fileno(), good.events) == ([good], -1, ["read x"])


@EITHER
def test_a_question_that_raises_goes_to_the_error_handler(poller: Poller, kind: Any) -> None:
    bad, good = kind(poller.map), kind(poller.map)
    bad.readable = raising(ValueError("broken question"))
    if kind is Ours:
        bad.changed()
    good.peer.send(b"x")
    poller.poll(0)
    assert (bad.events, good.events) == (["error"], ["read x"])


@EITHER
@pytest.mark.parametrize("error", [ExitNow("now"), SystemExit(2), KeyboardInterrupt()])
def test_these_three_leave_the_poll(poller: Poller, kind: Any, error: BaseException) -> None:
    dispatcher = kind(poller.map)
    dispatcher.error = error
    dispatcher.peer.send(b"x")
    with pytest.raises(type(error)):
        poller.poll(0)


# The map changes


@EITHER
def test_one_may_close_itself_when_asked(poller: Poller, kind: Any) -> None:
    dispatcher, good = kind(poller.map), kind(poller.map)
    dispatcher.readable = lambda: dispatcher.close() or True
    good.peer.send(b"x")
    if kind is Ours:
        dispatcher.changed()
    poller.poll(0)
    assert (list(poller.map.values()), good.events) == ([good], ["read x"])


def test_a_foreign_one_may_close_others_when_asked(poller: Poller) -> None:
    closer, victim = Foreign(poller.map), Foreign(poller.map)
    victim.peer.send(b"x")
    closer.readable = lambda: victim.close()  # type: ignore[method-assign,assignment,func-returns-value]
    poller.poll(0)
    assert (list(poller.map.values()), victim.events) == ([closer], [])


@EITHER
def test_a_foreign_one_may_add_others_when_asked_and_they_are_served(
    poller: Poller, kind: Any
) -> None:
    added: list[Any] = []

    def add() -> bool:
        if not added:
            added.append(kind(poller.map))
            added[0].peer.send(b"x")
        return False

    adder = Foreign(poller.map)
    adder.readable = add  # type: ignore[method-assign]
    for _ in range(2):
        poller.poll(0)
    assert added[0].events == ["read x"]


@EITHER
def test_one_closed_by_an_earlier_handler_of_the_turn_is_not_called(
    poller: Poller, kind: Any
) -> None:
    both = [kind(poller.map), kind(poller.map)]
    for one, other in (both, reversed(both)):
        one.handle_read_event = lambda one=one, other=other: (
            one.events.append("read"),
            other.close(),
        )
        one.peer.send(b"x")
    poller.poll(0)
    assert sum(len(dispatcher.events) for dispatcher in both) == 1


@EITHER
@pytest.mark.parametrize("newcomer_kind", [Foreign, Ours])
def test_a_newcomer_that_gets_a_ready_number_in_the_same_turn_gets_no_event_of_its_predecessor(
    poller: Poller, kind: Any, newcomer_kind: Any
) -> None:
    both = [kind(poller.map), kind(poller.map)]
    newcomers: list[Any] = []

    def replace(other: Any) -> None:
        number = other._fileno
        other.close()
        newcomers.append(newcomer_kind(poller.map, number))

    for one, other in (both, reversed(both)):
        one.handle_read_event = lambda other=other: replace(other)
        one.peer.send(b"x")
    poller.poll(0)
    assert (len(newcomers), newcomers[0].events) == (1, [])
    newcomers[0].peer.send(b"y")
    poller.poll(0)
    assert newcomers[0].events == ["read y"]


def test_a_foreign_one_may_swap_its_socket_when_asked(poller: Poller) -> None:
    foreign = Foreign(poller.map)
    poller.poll(0)
    ask = foreign.readable

    def swap() -> bool:
        foreign.readable = ask  # type: ignore[method-assign]
        foreign.close()
        ours, foreign.peer = socket.socketpair()
        foreign.set_socket(ours, poller.map)
        foreign.connected = True
        foreign.peer.send(b"new")
        return True

    foreign.readable = swap  # type: ignore[method-assign]
    for _ in range(2):
        poller.poll(0)
    assert foreign.events == ["read new"]


def test_a_foreign_one_may_swap_its_socket_and_keep_the_number(poller: Poller) -> None:
    foreign = Foreign(poller.map)
    poller.poll(0)
    number = foreign._fileno
    foreign.socket.close()
    foreign.peer.close()
    foreign.socket, foreign.peer = socket_pair_at(number)
    foreign.peer.send(b"new")
    poller.poll(0)
    assert foreign.events == ["read new"]


def test_a_foreign_one_put_in_place_of_another_is_served(poller: Poller) -> None:
    old, behind = Foreign(poller.map), Foreign(poller.map)
    poller.poll(0)
    number = old._fileno
    old.socket.close()
    old.peer.close()
    new = Foreign(poller.map, number)
    new.peer.send(b"x")
    for _ in range(2):
        poller.poll(0)
    assert (new.events, list(poller.map.values())) == (["read x"], [new, behind])


def test_one_that_left_and_one_that_came_between_two_turns_are_noticed(poller: Poller) -> None:
    first, second = Foreign(poller.map), Foreign(poller.map)
    poller.poll(0)
    del poller.map[first._fileno]
    third = Foreign(poller.map)
    for dispatcher in (first, second, third):
        dispatcher.peer.send(b"x")
    poller.poll(0)
    assert [each.events for each in (first, second, third)] == [[], ["read x"], ["read x"]]
    first.close()


def test_closing_a_dispatcher_of_ours_takes_nobody_else_out_who_has_its_number_by_now(
    poller: Poller,
) -> None:
    old = Ours(poller.map)
    old.socket.close()
    new = Ours(poller.map, old._fileno)
    old.close()
    assert list(poller.map.values()) == [new]


# Sockets closed behind asyncore's back


@EITHER
@pytest.mark.parametrize("how", ["socket", "descriptor"])
def test_a_socket_closed_behind_our_back_harms_nobody_else_and_does_not_spin(
    poller: Poller, kind: Any, how: str
) -> None:
    bad, good = kind(poller.map), kind(poller.map)
    poller.poll(0)
    if how == "socket":
        bad.socket.close()
    else:
        os.close(bad.socket.fileno())
    for _ in range(3):
        good.peer.send(b"x")
        poller.poll(0)
    poller.poll(0)
    assert ("".join(good.events).count("x"), poller.poll(0)) == (3, 0)
    bad.socket.detach()


def test_one_that_cannot_be_watched_is_taken_out(poller: Poller) -> None:
    good = Foreign(poller.map)
    bad = Foreign({})
    number = bad._fileno
    bad.close()
    poller.map[number] = bad
    good.peer.send(b"x")
    for _ in range(2):
        poller.poll(0)
    assert (list(poller.map.values()), good.events) == ([good], ["read x"])


# Loops that are not ours


@pytest.mark.parametrize("use_poll", [False, True], ids=["select", "poll"])
def test_an_external_loop_over_the_map_serves_our_dispatchers(use_poll: bool) -> None:
    map: SocketMap = {}
    ours = Ours(map)
    ours.peer.send(b"hello")
    asyncore.loop(timeout=0, use_poll=use_poll, map=map, count=1)
    ours.peer.close()
    asyncore.loop(timeout=0, use_poll=use_poll, map=map, count=1)
    assert (ours.events[0], "close" in ours.events, map) == ("read hello", True, {})


def test_our_loop_goes_on_where_an_external_one_stopped(poller: Poller) -> None:
    ours = Ours(poller.map)
    ours.peer.send(b"theirs")
    asyncore.loop(timeout=0, map=poller.map, count=1)
    ours.peer.send(b"ours")
    poller.poll(0)
    assert ours.events == ["read theirs", "read ours"]


def test_asyncores_close_all_empties_the_map_and_the_poller(poller: Poller) -> None:
    Ours(poller.map)
    Foreign(poller.map)
    poller.poll(0)
    asyncore.close_all(poller.map)
    assert (poller.map, poller.poll(0)) == ({}, 0)
