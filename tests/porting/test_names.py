"""The table of old names says the truth about what can be imported."""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from pathlib import Path

import pytest

from servers.porting.names import FLAT, MODULES, PREFIXES, State, all_names, canonical, names_of

ROOT = Path(__file__).parents[2]


def test_no_name_is_in_the_table_twice() -> None:
    every = [(each.module, each.name) for each in all_names()]
    assert len(every) == len(set(every))


def test_what_is_different_or_missing_has_a_note() -> None:
    assert [each for each in all_names() if each.state is not State.WORKS and not each.note] == []


def test_members_belong_to_classes_of_the_table() -> None:
    every = {(each.module, each.name) for each in all_names()}
    orphans = {
        (each.module, each.name)
        for each in all_names()
        if "." in each.name and (each.module, each.name.partition(".")[0]) not in every
    }
    assert not orphans


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("medusa.http_server", "medusa.http_server"),
        ("supervisor.medusa.http_server", "medusa.http_server"),
        ("ZServer.medusa.http_server", "medusa.http_server"),
        ("ZServer.medusa.thread.select_trigger", "medusa.thread.select_trigger"),
        ("medusa.test.max_sockets", "medusa.max_sockets"),
        ("supervisor.medusae", "supervisor.medusae"),
        ("os", "os"),
    ],
)
def test_every_way_to_a_module_leads_to_its_name(module: str, name: str) -> None:
    assert canonical(module) == name


def test_flat_names_and_prefixes_lead_into_the_table() -> None:
    assert all(f"medusa.{name}" in MODULES for name in FLAT)
    assert "medusa.max_sockets" in MODULES and PREFIXES["max_sockets"] == "medusa.max_sockets"


def test_every_name_on_the_page_of_old_names_is_in_the_table() -> None:
    page = ROOT / "docs" / "reference" / "old-names.md"
    every = {f"{each.module}.{each.name}" for each in all_names()}
    named = re.findall(r"^\| `((?:medusa|ZServer|Lifetime|Signals)[\w.]*)` \|",
                       page.read_text(encoding="utf-8"), re.MULTILINE)  # fmt: skip
    assert named
    assert [name for name in named if name not in every] == []


@pytest.mark.parametrize("module", sorted(name for name, known in MODULES.items() if known.here))
def test_what_works_can_be_imported(module: str) -> None:
    here = MODULES[module].here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            imported = importlib.import_module(here)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("servers."):
                raise
            pytest.skip(f"{error.name} has not been written yet")
    lacking = [
        each.name
        for each in names_of(module)
        if each.state is not State.MISSING and not has(imported, each.name)
    ]
    assert not lacking, f"{here} has no {', '.join(lacking)}"


def has(module: object, name: str) -> bool:
    """Is it there: in the module, in the class, or on the objects that the class makes?"""
    outer, _, inner = name.partition(".")
    thing = getattr(module, outer, None)
    if not inner or thing is None or hasattr(thing, inner):
        return hasattr(module, outer)
    return any(
        f"self.{inner}" in inspect.getsource(each) or inner in getattr(each, "__slots__", ())
        for each in getattr(thing, "__mro__", ())
        if each.__module__ != "builtins"
    )
