"""What is exchanged is put back, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from lifetime.testing.world.patches import Patches, _active


@pytest.fixture
def target() -> Iterator[SimpleNamespace]:
    yield SimpleNamespace(name="real", other="real")
    assert _active == []


def test_it_is_exchanged_for_as_long_as_the_block_lasts(target: SimpleNamespace) -> None:
    patches = Patches()
    patches.exchange([(target, "name", "stand-in")])
    assert target.name == "real"
    with patches:
        assert target.name == "stand-in"
    assert target.name == "real"


def test_it_is_put_back_behind_an_error(target: SimpleNamespace) -> None:
    patches = Patches()
    patches.exchange([(target, "name", "stand-in")])
    with pytest.raises(KeyboardInterrupt), patches:
        raise KeyboardInterrupt
    assert target.name == "real"


def test_blocks_may_be_nested(target: SimpleNamespace) -> None:
    patches = Patches()
    patches.exchange([(target, "name", "stand-in")])
    with patches:
        with patches:
            pass
        assert target.name == "stand-in"
    assert target.name == "real"


def test_worlds_may_be_nested(target: SimpleNamespace) -> None:
    outer, inner = Patches(), Patches()
    outer.exchange([(target, "name", "outer")])
    inner.exchange([(target, "name", "inner")])
    with outer:
        with inner:
            assert target.name == "inner"
        assert target.name == "outer"
    assert target.name == "real"


def test_others_may_be_exchanged_within_the_block(target: SimpleNamespace) -> None:
    patches = Patches()
    patches.exchange([(target, "name", "stand-in")])
    with patches:
        patches.exchange([(target, "other", "stand-in")])
        assert (target.name, target.other) == ("real", "stand-in")
    assert (target.name, target.other) == ("real", "real")


def test_lifted_everything_is_as_it_was(target: SimpleNamespace) -> None:
    patches = Patches()
    patches.exchange([(target, "name", "stand-in")])
    with patches:
        with patches.lifted():
            assert target.name == "real"
            patches.exchange([(target, "name", "another")])
            assert target.name == "real"
        assert target.name == "another"
    assert target.name == "real"


def test_a_name_that_is_not_there_leaves_nothing_exchanged(target: SimpleNamespace) -> None:
    patches = Patches()
    patches.exchange([(target, "name", "stand-in"), (target, "absent", "stand-in")])
    with pytest.raises(AttributeError), patches:
        pass
    assert target.name == "real"
