"""The arrows of docs/architecture.md: who imports whom, and who never does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent

#: Nothing in the folder on the left imports what stands on the right, but for the files behind it.
NEVER = [
    ("lifetime", "servers", ()),
    ("lifetime", "lifetime.testing", ("lifetime/testing", "lifetime/pytest_plugin.py")),
    ("lifetime/testing/world", "lifetime.testing.laws", ()),
    ("lifetime/testing/laws", "lifetime.testing.world", ()),
    ("servers", "servers.command", ("servers/command", "servers/__main__.py")),
    ("servers", "servers.medusa", ("servers/medusa", "servers/zserver", "servers/legacy.py")),
    ("servers", "servers.zserver", ("servers/zserver", "servers/legacy.py")),
]


def imports_of(path: Path) -> set[str]:
    """Each module that a file imports, and each name that it imports from one."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def offenders(folder: str, package: str, but: tuple[str, ...]) -> list[str]:
    found = []
    for path in sorted((PROJECT / folder).rglob("*.py")):
        name = path.relative_to(PROJECT).as_posix()
        allowed = any(name == each or name.startswith(f"{each}/") for each in but)
        if not allowed and any(f"{each}.".startswith(f"{package}.") for each in imports_of(path)):
            found.append(name)
    return found


@pytest.mark.parametrize(("folder", "package", "but"), NEVER)
def test_the_arrows_point_one_way(folder: str, package: str, but: tuple[str, ...]) -> None:
    assert offenders(folder, package, but) == []


def test_the_search_finds_an_import() -> None:
    assert "servers/__main__.py" in offenders("servers", "servers.command", ("servers/command",))
