"""The pure law: what knows the rules has no socket and no clock (docs/architecture.md)."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

PURE = ["lifetime.phases", "lifetime.sequence", "lifetime.timers", "lifetime.report"]
IMPURE = {
    "asyncio",
    "datetime",
    "os",
    "select",
    "selectors",
    "signal",
    "socket",
    "threading",
    "time",
}


def imports_of(module: str, known: frozenset[str] = frozenset()) -> set[str]:
    """What a module imports, and what those of this package import that it imports."""
    path = importlib.import_module(module).__file__
    assert path is not None
    found: set[str] = set()
    known |= {module}
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    for inner in [name for name in found if name.startswith("lifetime.")]:
        if inner not in known:
            found |= imports_of(inner, known)
    return found


@pytest.mark.parametrize("module", PURE)
def test_the_rules_import_no_socket_and_no_clock(module: str) -> None:
    assert not {name.split(".")[0] for name in imports_of(module)} & IMPURE


def test_the_search_finds_an_impure_module() -> None:
    assert {"socket", "select"} & imports_of("lifetime.loop")
