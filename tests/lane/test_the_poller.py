"""The poll's turn, with dispatchers of every kind and selectors that give odd things."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntFlag
from typing import Any

import pytest

from lifetime.asyncore import ExitNow
from lifetime.poller import Poller
from lifetime.selectors import HANG_UP, READ, WRITE


class Given:
    """A selector that gives what it was given."""

    def __init__(self, *ready: Any, kind: Callable[[Any], Any] = list) -> None:
        self.ready = kind(ready)
        self.forgotten: list[int] = []

    def watch(self, fd: int, events: int) -> None:
        pass

    def forget(self, fd: int) -> None:
        self.forgotten.append(fd)

    def poll(self, timeout: float | None) -> Any:
        return self.ready

    def close(self) -> None:
        pass


class Foreign:
    """A dispatcher that knows nothing of us, and notes what is asked of it."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = [*failures]
        self.seen: list[Any] = []

    def readable(self) -> bool:
        return True

    writable = readable

    def handle_read_event(self) -> None:
        self.seen.append("read")
        if self.failures:
            raise self.failures.pop(0)

    def handle_write_event(self) -> None:
        self.seen.append("write")
        if self.failures:
            raise self.failures.pop(0)

    def handle_expt_event(self) -> None:
        self.seen.append("urgent")

    def handle_error(self) -> None:
        self.seen.append(sys.exc_info()[1])
        if self.failures:
            raise self.failures.pop(0)

    def handle_close(self) -> None:
        self.seen.append("close")

    def close(self) -> None:
        self.seen.append("closed")


def turn(dispatcher: Any, *ready: Any, kind: Callable[[Any], Any] = list) -> list[Any]:
    """One turn of the poll with that one under descriptor 5; what it has seen."""
    poller = Poller({5: dispatcher}, Given(*ready, kind=kind))
    try:
        poller.poll(0)
        assert sys.exc_info() == (None, None, None)
        return dispatcher.seen
    finally:
        poller.close()


class Mask(IntFlag):
    """Numbers of somebody's own."""

    READ = 1


@pytest.mark.parametrize(
    "ready, seen",
    [
        ([(5, READ)], ["read"]),
        ([(5, WRITE)], ["write"]),
        ([(5, READ | WRITE)], ["read", "write"]),
        ([(5, READ | HANG_UP)], ["read"]),
        ([(5, HANG_UP)], ["close"]),
        ([(5, 0)], []),
        ([(5, True)], ["read"]),
        ([(5, Mask.READ)], ["read"]),
        ([(5, 1 << 80)], []),
        ([(5, (1 << 80) | READ)], ["read"]),
        ([(5, -1)], ["read", "write", "urgent", "close", "closed"]),
        ([[5, READ]], ["read"]),
        ([(5.0, READ)], ["read"]),
        ([(True, READ)], []),
        ([(5, READ), (5, READ)], ["read", "read"]),
        ([(6, READ), (5, READ)], ["read"]),
        ([(-1, READ), (5, READ)], ["read"]),
        ([], []),
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", [list, tuple])
def test_what_a_selector_may_give(ready, seen, kind):
    assert turn(Foreign(), *ready, kind=kind) == seen


@pytest.mark.parametrize("ready", [(5,), (5, READ, 0), 5, None, "", (5, None), (5, "1"), ([], 1)])
def test_what_is_no_event_is_an_error_of_the_poll_and_none_of_the_dispatcher(ready):
    # Which kind of error is the selector's author's affair.
    dispatcher = Foreign()
    with pytest.raises((TypeError, ValueError)):
        if turn(dispatcher, ready) and isinstance(dispatcher.seen[0], TypeError):
            raise dispatcher.seen[0]
    assert "read" not in dispatcher.seen


@pytest.mark.parametrize("events", [READ, WRITE, READ | HANG_UP])
def test_what_a_foreign_dispatcher_raises_is_its_own_to_handle(events):
    error = ValueError("as it should")
    assert turn(Foreign(error), (5, events))[-1] is error
    assert error.__traceback__ is not None
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames[-1] in ("handle_read_event", "handle_write_event")


def test_what_it_raises_while_it_handles_that_takes_it_out(caplog):
    first, second = ValueError("first"), KeyError("second")
    dispatcher = Foreign(first, second)
    map = {5: dispatcher}
    poller = Poller(map, Given((5, READ)))
    poller.poll(0)
    poller.close()
    assert dispatcher.seen == ["read", first, "closed"]
    assert map == {}
    assert second.__context__ is first
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [second]


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), BrokenPipeError(32, "pipe")])
def test_a_peer_that_is_gone_is_no_error(error):
    assert turn(Foreign(error), (5, READ)) == ["read", "close"]


@pytest.mark.parametrize("error", [ExitNow(), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_what_ends_a_loop_leaves_the_poll_at_once(error):
    dispatcher, other = Foreign(error), Foreign()
    poller = Poller({5: dispatcher, 6: other}, Given((5, READ), (6, READ)))
    with pytest.raises(type(error)) as raised:
        poller.poll(0)
    poller.close()
    assert raised.value is error
    assert (dispatcher.seen, other.seen) == (["read"], [])


def test_the_others_are_served_after_one_has_failed():
    dispatcher, other = Foreign(ValueError("as it should")), Foreign()
    poller = Poller({5: dispatcher, 6: other}, Given((5, READ), (6, READ)))
    poller.poll(0)
    poller.close()
    assert other.seen == ["read"]


def test_one_that_joins_in_place_of_another_is_not_served_for_it():
    newcomer = Foreign()

    class leaving(Foreign):
        def handle_read_event(self) -> None:
            super().handle_read_event()
            map[6] = newcomer

    dispatcher, other = leaving(), Foreign()
    map: dict[int, Any] = {5: dispatcher, 6: other}
    poller = Poller(map, Given((5, READ), (6, READ)))
    poller.poll(0)
    poller.close()
    assert (dispatcher.seen, other.seen, newcomer.seen) == (["read"], [], [])


def test_one_of_ours_that_joins_under_a_number_that_was_ready_waits_for_an_event_of_its_own():
    newcomer = Foreign()

    class leaving(Foreign):
        def handle_read_event(self) -> None:
            super().handle_read_event()
            poller.release(6, map.pop(6))
            map[6] = newcomer
            poller.adopt(6, newcomer)

    dispatcher, other = leaving(), Foreign()
    map: dict[int, Any] = {5: dispatcher, 6: other}
    poller = Poller(map, Given((5, READ), (6, READ)))
    poller.poll(0)
    assert (dispatcher.seen, other.seen, newcomer.seen) == (["read"], [], [])
    poller.selector.ready = [(6, READ)]
    poller.poll(0)
    poller.close()
    assert newcomer.seen == ["read"]


def test_a_list_that_shrinks_while_it_is_served_ends_the_turn():
    class taking(Foreign):
        def handle_read_event(self) -> None:
            super().handle_read_event()
            del selector.ready[1:]

    dispatcher, other = taking(), Foreign()
    selector = Given((5, READ), (6, READ))
    poller = Poller({5: dispatcher, 6: other}, selector)
    poller.poll(0)
    poller.close()
    assert (dispatcher.seen, other.seen) == (["read"], [])
