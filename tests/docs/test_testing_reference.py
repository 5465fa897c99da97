"""The reference of lifetime.testing has every public name as it is called, and every situation."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import lifetime.testing as harness

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "testing.md"
TEXT = PAGE.read_text(encoding="utf-8")

#: What is told in words, because who uses it does not call it.
TOLD = {
    *("Breach", "Coverage", "Dialect", "Event", "Factory", "PhaseOrderMachine", "Run", "Verdict"),
    *("FactoryError", "LawBroken", "NeverReached", "SimulationLimit", "LAWS", "SITUATIONS"),
}

CALLED = sorted(set(harness.__all__) - TOLD)


def call_of(name: str) -> str:
    """How it is called: `name(argument, other=default)`."""
    made = getattr(harness, name)
    arguments = []
    bare = False
    for each in inspect.signature(made).parameters.values():
        if name in EVENTS and each.name == "after":
            continue  # every event has it, so the page says it once
        if each.kind is each.VAR_POSITIONAL:
            bare = True
        elif each.kind is each.KEYWORD_ONLY and not bare:
            bare = True
            arguments.append("*")
        stars = "*" if each.kind is each.VAR_POSITIONAL else ""
        arguments.append(f"{stars}{each.name}{_default(made, each)}")
    return f"{name}({', '.join(arguments)})"


def _default(made: object, parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return ""
    value = parameter.default
    for field in dataclasses.fields(made) if dataclasses.is_dataclass(made) else ():
        if field.name == parameter.name and field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
    text = repr(value)
    return f"={text}" if len(text) < 20 else "=..."


EVENTS = {
    name
    for name in harness.__all__
    if inspect.isclass(getattr(harness, name)) and issubclass(getattr(harness, name), harness.Event)
}


@pytest.mark.parametrize("name", CALLED)
def test_the_reference_shows_how_a_public_name_is_called(name: str) -> None:
    assert f"`{call_of(name)}`" in TEXT


@pytest.mark.parametrize("name", sorted(TOLD))
def test_the_reference_tells_of_a_public_name(name: str) -> None:
    assert re.search(rf"`{name}\b", TEXT)


def test_the_reference_has_the_situations() -> None:
    rows = "".join(f"| {name} | {told} |\n" for name, told in harness.SITUATIONS.items())
    table = f"| situation | means |\n|---|---|\n{rows}"
    assert TEXT.endswith(table), f"the end of {PAGE.name} should be:\n{table}"


def test_the_reference_has_each_kind_of_weather() -> None:
    fields = [each.name for each in dataclasses.fields(harness.Weather)]
    assert all(f"| `{name}` |" in TEXT for name in fields)
