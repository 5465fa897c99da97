"""Shortcuts past methods that others may override or patch.

Old code subclasses our classes, and puts functions of its own into them long after they were made.
A shortcut that does in one place what several methods do one after the other must not be taken
where one of them is somebody else's.  Whether it may is worked out when a class is made, and again
when something is put into it; so each use costs no more than a look at a flag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MemberDescriptorType, MethodType
from typing import Any, TypeVar

AnyClass = TypeVar("AnyClass", bound="Overridable")


class Overridable(type):
    """The metaclass of classes that know whether their methods are still ours.

    as_written: of this class, all the methods that a shortcut passes by are those it was written
        for.  Objects see it as an attribute of their own; a method that is put into one object
        alone is not noticed, unless it is `replaceable`.
    """

    as_written: bool = False
    _originals: dict[str, Any] = {}  # noqa: RUF012  # replaced, never changed

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **rest: Any):
        super().__init__(name, bases, namespace, **rest)
        cls._decide()

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        cls._decide()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        cls._decide()

    def _decide(cls) -> None:
        originals = cls._originals
        ours = all(getattr(cls, name, None) is method for name, method in originals.items())
        type.__setattr__(cls, "as_written", bool(originals) and ours)
        subclasses: list[Any] = cls.__subclasses__()
        for each in subclasses:
            each._decide()


def passed_by(cls: AnyClass, names: Iterable[str]) -> AnyClass:
    """Say that a shortcut of `cls` does what these methods do, as they are now.

    What is in its slots it finds there, so an attribute of the class before one is noticed, too.
    """
    names = {*names, *_slots(cls)}
    type.__setattr__(cls, "_originals", {name: getattr(cls, name) for name in names})
    cls._decide()
    return cls


def _slots(cls: type) -> Iterable[str]:
    for kind in cls.__mro__:
        for name, value in vars(kind).items():
            if isinstance(value, MemberDescriptorType):
                yield name


class replaceable:
    """A method that may be replaced in one object alone, which then takes the long way."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        if owner is None:
            return self.function
        return owner.__dict__.get(self.name) or MethodType(self.function, owner)

    def __set__(self, owner: Any, value: Any) -> None:
        owner.__dict__[self.name] = value
        owner.as_written = False
        owner.is_replaced = True
