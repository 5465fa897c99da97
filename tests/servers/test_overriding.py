"""A shortcut past methods is open exactly as long as all of them are those it was written for."""

from __future__ import annotations

from typing import Any

import pytest

from servers.overriding import Overridable, passed_by, replaceable


class Base(metaclass=Overridable):
    def first(self) -> str:
        return "first"


class Made(Base):
    def second(self) -> str:
        return "second"

    def other(self) -> str:
        return "other"


passed_by(Made, ("first", "second"))


def another(self: object) -> str:
    return "another"


def test_a_class_without_a_shortcut_takes_none() -> None:
    assert not Base().as_written


def test_a_class_as_it_was_written_takes_it() -> None:
    assert Made().as_written


def test_so_does_one_that_adds_something_else() -> None:
    assert type("Adds", (Made,), {"other": another, "third": another}).as_written


@pytest.mark.parametrize("name", ["first", "second"])
def test_one_that_overrides_what_is_passed_by_does_not(name: str) -> None:
    assert not type("Overrides", (Made,), {name: another}).as_written


def test_one_that_overrides_through_a_mixin_does_not() -> None:
    mixin = type("Mixin", (), {"second": another})
    assert not type("Mixed", (mixin, Made), {}).as_written


@pytest.mark.parametrize("owner, name", [(Base, "first"), (Made, "first"), (Made, "second")])
def test_a_patch_closes_it_also_for_objects_and_subclasses_that_are_there(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    subclass: Any = type("Subclass", (Made,), {})
    there, below = Made(), subclass()
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, another)
        assert (there.as_written, below.as_written) == (False, False)
    assert (there.as_written, below.as_written) == (True, True)


def test_what_is_taken_out_closes_it() -> None:
    made: Any = type("Made", (Made,), {"second": Made.second})
    assert made.as_written
    made.second = another
    del made.second  # and what is inherited is there again
    assert made.as_written


class Replaced(metaclass=Overridable):
    @replaceable
    def answer(self) -> str:
        return "ours"


passed_by(Replaced, ("answer",))


def test_what_is_put_into_one_object_alone_is_noticed_there_if_it_is_replaceable() -> None:
    one, other = Replaced(), Replaced()
    one.answer = lambda: "theirs"
    assert (one.answer(), one.as_written) == ("theirs", False)
    assert (other.answer(), other.as_written) == ("ours", True)


def test_what_is_replaceable_is_overridden_and_called_like_any_method() -> None:
    class Below(Replaced):
        def answer(self) -> str:
            return f"below {super().answer()}"

    assert (Below().answer(), Replaced.answer(Below())) == ("below ours", "ours")
    assert not Below().as_written
