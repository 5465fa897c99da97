"""Dispatchers are watched without their knowing, and are as they were behind it."""

from __future__ import annotations

from typing import Any

import pytest

from lifetime import Veto
from lifetime.testing import SimulationLimit
from lifetime.testing.trace import Did
from lifetime.testing.world.observation import HOOK, BystanderDispatcher, Cast, ObservedMap


class Watched:
    """A map, and what it has noted: who did what."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, Did, dict[str, Any]]] = []
        self.before = 0
        self.map = ObservedMap(self.note, Cast(), self.about_to_ask)

    def note(self, who: str, did: Did, **details: Any) -> None:
        self.notes.append((who, did, details))

    def about_to_ask(self) -> None:
        self.before += 1

    @property
    def told(self) -> list[tuple[str, Did]]:
        return [(who, did) for who, did, _ in self.notes]


class Plain:
    """Answers what it is given."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class WithoutHook:
    """Takes no part."""


@pytest.fixture
def watched() -> Watched:
    return Watched()


# Coming and going


def test_whoever_comes_and_goes_is_noted_by_class_and_number(watched: Watched) -> None:
    watched.map[5] = Plain()
    watched.map[6] = Plain()
    del watched.map[5]
    assert watched.told == [
        ("Plain 1", Did.JOINED),
        ("Plain 2", Did.JOINED),
        ("Plain 1", Did.LEFT),
    ]


def test_every_way_in_is_noted(watched: Watched) -> None:
    watched.map[1] = Plain()
    watched.map.setdefault(2, Plain())
    watched.map.update({3: Plain()})
    watched.map |= {4: Plain()}
    assert [did for _, did in watched.told] == [Did.JOINED] * 4
    assert list(watched.map) == [1, 2, 3, 4]


def test_every_way_out_is_noted(watched: Watched) -> None:
    watched.map.update({number: Plain() for number in range(6)})
    watched.notes.clear()
    del watched.map[0]
    watched.map.pop(1)
    watched.map.popitem()
    watched.map[2] = Plain()  # in the place of another
    watched.map.clear()
    assert [did for _, did in watched.told].count(Did.LEFT) == 7
    assert not watched.map


def test_who_is_not_there_cannot_go(watched: Watched) -> None:
    assert watched.map.pop(5, None) is None
    with pytest.raises(KeyError):
        watched.map.pop(5)
    with pytest.raises(KeyError):
        del watched.map[5]
    assert watched.notes == []


def test_the_same_one_again_under_its_number_is_no_news(watched: Watched) -> None:
    plain = Plain()
    watched.map[5] = plain
    watched.map[5] = plain
    assert len(watched.notes) == 1


def test_another_order_is_nobodys_coming_or_going_and_bystanders_keep_their_places(
    watched: Watched,
) -> None:
    BystanderDispatcher(watched.map, 90001)
    watched.map[5], watched.map[6] = Plain(), Plain()
    BystanderDispatcher(watched.map, 90002)
    watched.notes.clear()
    watched.map.permute(lambda things: list(reversed(things)))
    assert list(watched.map) == [90001, 6, 5, 90002]
    assert watched.notes == []


def test_who_removes_a_bystander_is_named(watched: Watched) -> None:
    bystander = BystanderDispatcher(watched.map, 90001)

    class Rude(Plain):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            watched.map.pop(90001)
            return None

    watched.map[5] = rude = Rude()
    rude.clean_shutdown_control(1, 0.0)
    (left,) = [data for _, did, data in watched.notes if did is Did.LEFT]
    assert left["removed_by"] == "Rude 1"
    assert not bystander.leaving


def test_a_bystander_that_leaves_by_itself_was_removed_by_nobody(watched: Watched) -> None:
    bystander = BystanderDispatcher(watched.map, 90001)
    bystander.clean_shutdown_control(3, 0.0)
    (left,) = [data for _, did, data in watched.notes if did is Did.LEFT]
    assert left["removed_by"] is None


# Being asked


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, (None, "", None)),
        (False, (None, "", None)),
        (Veto("busy", 2.0), ("veto", "busy", 2.0)),
    ],
)
def test_question_and_answer_are_noted(
    watched: Watched, answer: object, told: tuple[object, ...]
) -> None:
    watched.map[5] = plain = Plain(answer)
    assert plain.clean_shutdown_control(2, 0.5) is answer
    who, did, data = watched.notes[-1]
    assert (who, did) == ("Plain 1", Did.ASKED)
    assert (data["phase"], data["time_in_phase"]) == (2, 0.5)
    assert (data["answer"], data["reason"], data["eta"]) == told
    assert watched.before == 1


@pytest.mark.parametrize("error", [ValueError("no luck"), KeyboardInterrupt()])
def test_what_a_hook_raises_is_noted_and_goes_on(watched: Watched, error: BaseException) -> None:
    watched.map[5] = plain = Plain(error)
    with pytest.raises(type(error)):
        plain.clean_shutdown_control(1, 0.0)
    assert watched.notes[-1][2]["answer"] == "raised"
    assert watched.map.asked is None


def test_who_has_no_hook_is_noted_so(watched: Watched) -> None:
    watched.map[5] = WithoutHook()
    assert watched.notes[-1][2]["has_hook"] is False


def test_who_is_there_twice_is_watched_until_it_is_gone_altogether(watched: Watched) -> None:
    plain = Plain()
    watched.map[5] = watched.map[6] = plain
    del watched.map[5]
    assert HOOK in vars(plain)
    del watched.map[6]
    assert HOOK not in vars(plain)


# Giving back


def test_the_hook_of_the_class_is_back_behind_it(watched: Watched) -> None:
    watched.map[5] = plain = Plain()
    assert HOOK in vars(plain)
    del watched.map[5]
    assert HOOK not in vars(plain)


def test_a_hook_of_its_own_is_back_behind_it(watched: Watched) -> None:
    plain = Plain()

    def own(phase: int, time_in_phase: float) -> object:
        return "own"

    plain.clean_shutdown_control = own  # type: ignore[method-assign]
    watched.map[5] = plain
    assert plain.clean_shutdown_control(1, 0.0) == "own"
    assert watched.notes[-1][1] is Did.ASKED
    watched.map.let_go()
    assert vars(plain)[HOOK] is own


def test_a_hook_that_it_got_meanwhile_stays(watched: Watched) -> None:
    watched.map[5] = plain = Plain()
    plain.clean_shutdown_control = len  # type: ignore[assignment,method-assign]
    del watched.map[5]
    assert vars(plain)[HOOK] is len


def test_who_cannot_be_watched_meets_the_limit_and_is_told_the_way_out(watched: Watched) -> None:
    class Narrow:
        __slots__ = ("socket",)

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return None

    with pytest.raises(SimulationLimit, match=r"Narrow has __slots__.*subclass"):
        watched.map[5] = Narrow()


def test_slots_with_a_dictionary_beside_them_are_watched(watched: Watched) -> None:
    class Wide(Plain):
        __slots__ = ("other",)

    watched.map[5] = wide = Wide()
    wide.clean_shutdown_control(1, 0.0)
    assert watched.notes[-1][1] is Did.ASKED
