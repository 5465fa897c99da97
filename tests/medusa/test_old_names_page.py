"""The page of old names is held to the code: what it names is there, and nothing is left out."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import servers.medusa
import servers.zserver

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "old-names.md"
ROW = re.compile(
    r"^\| `((?:medusa|ZServer|Lifetime|Signals)[\w.]*)` \|(?: `([\w.]+)`)? \|", re.MULTILINE
)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))

#: Old packages, and where they are.
ROOMS = {
    "medusa": "servers.medusa",
    "ZServer": "servers.zserver",
    "Lifetime": "servers.zserver.Lifetime",
    "Signals": "servers.zserver.Signals",
}


def found(name: str) -> Any:
    """What a dotted name stands for.  Raises AttributeError if it stands for nothing."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            thing = getattr(thing, part)
        return thing
    raise AttributeError(name)


def modules_of(package: Any) -> list[str]:
    """The modules of a room, and of the rooms in it."""
    names = []
    for info in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{info.name}"
        names.append(name)
        if info.ispkg:
            names += modules_of(importlib.import_module(name))
    return names


def our_name(old: str) -> str:
    """Where an old name is in this project."""
    top, _, rest = old.partition(".")
    return f"{ROOMS[top]}.{rest}" if rest else ROOMS[top]


@pytest.mark.parametrize("old", [old for old, _ in ROWS])
def test_an_old_name_is_there(old):
    found(our_name(old))


@pytest.mark.parametrize("new", sorted({new for _, new in ROWS if new}))
def test_a_new_name_is_there(new):
    found(new)


@pytest.mark.parametrize("module", [*modules_of(servers.medusa), *modules_of(servers.zserver)])
def test_a_module_of_the_rooms_is_on_the_page(module):
    inner = {  # what http_server and ftp_server are made of
        "servers.medusa.http_request",
        "servers.medusa.http_channel",
        "servers.medusa.of_the_socket",
        "servers.medusa.ftp_authorizers",
        "servers.medusa.ftp_commands",
        "servers.medusa.ftp_data",
    }
    shown = {our_name(old) for old, _ in ROWS}
    assert module in inner or any(name == module or name.startswith(f"{module}.") for name in shown)


def test_nothing_of_ours_imports_the_rooms_for_old_names():
    root = Path(servers.medusa.__file__).parents[1]
    allowed = {root / "legacy.py"}
    for path in [*root.rglob("*.py"), *(root.parent / "lifetime").rglob("*.py")]:
        if path in allowed or {"medusa", "zserver"} & set(path.relative_to(root.parent).parts):
            continue
        imported = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
        rooms = ("servers.medusa", "servers.zserver")
        assert not {name for name in imported if name.startswith(rooms)}, path
