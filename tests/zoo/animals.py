"""What is in the zoo: a register of factories, each with the law it breaks, or with none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lifetime.testing import Factory


@dataclass(frozen=True)
class Animal:
    """One factory.

    laws: the numbers of the laws that the harness may name for it; empty for one that is right.
    """

    name: str
    factory: Factory
    laws: tuple[int, ...] = ()


WRONG: list[Animal] = []
GOOD: list[Animal] = []


def breaks(*laws: int) -> Callable[[Factory], Factory]:
    """This factory's server breaks one of these laws; the first is the one we would name."""

    def register(factory: Factory) -> Factory:
        WRONG.append(Animal(factory.__name__, factory, laws))
        return factory

    return register


def good(factory: Factory) -> Factory:
    """This factory's server breaks none."""
    GOOD.append(Animal(factory.__name__, factory))
    return factory
