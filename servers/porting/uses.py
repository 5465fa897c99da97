"""Which old names a program uses, where, and what has become of them.

Imports say what a name stands for.  Beyond that we believe customs, in programs that import an old
module: what is called `request` is a request, and what is called `channel` is a channel.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from servers.porting.names import (
    FLAT,
    FLAT_IN_COMPANY,
    MODULES,
    NOT_YET,
    PACKAGES,
    OldName,
    State,
    canonical,
    names_of,
)

#: What customary names stand for: a class, as module and name.
CUSTOMS = {
    "request": ("medusa.http_server", "http_request"),
    "channel": ("medusa.http_server", "http_channel"),
}

#: The folder of the package `servers`.
ROOT = Path(__file__).parents[1]

#: Said of a name that the table has not got.
UNKNOWN = "we know no such name there; if the old module had imported it, import it yourself"

#: Said of a module that is not here any more.
NO_MODULE = "there is no such module here; see its names"


@dataclass(frozen=True)
class Use:
    """An old name, and the lines where a program uses it, counted from 1."""

    old: OldName
    lines: tuple[int, ...]


#: What a name of the program stands for: a module, or a name of one.
Meaning = tuple[str, str]


def find_uses(tree: ast.Module) -> list[Use]:
    """Every old name of a program, in the order of the table of names."""
    search = Search(tree)
    lines: dict[OldName, set[int]] = {}
    for old, line in search.run():
        lines.setdefault(old, set()).add(line)
    order = {name: number for number, name in enumerate(MODULES)}
    return [
        Use(old, tuple(sorted(where)))
        for old, where in sorted(
            lines.items(), key=lambda item: (order[item[0].module], item[0].name)
        )
    ]


class Search:
    """One walk through one program."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.meanings: dict[str, Meaning] = {}
        self.stars: list[str] = []
        self.imported: list[tuple[str, int]] = []  # modules, and where
        self.taken: list[tuple[str, str, int]] = []  # names taken from modules, and where
        self._read_imports()

    def run(self) -> Iterator[tuple[OldName, int]]:
        """Each use, and its line."""
        if not self.imported and not self.taken:
            return
        for module, line in self.imported:
            here = MODULES[module].here
            if not here or not is_there(here):
                yield OldName(module, "", State.MISSING, NO_MODULE), line
        for module, name, line in self.taken:
            yield look_up(module, name), line
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                yield from self._attribute(node)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                for module in self.stars:
                    if node.id in table(module):
                        yield table(module)[node.id], node.lineno
            elif isinstance(node, ast.ClassDef):
                yield from self._overridden(node)

    def _read_imports(self) -> None:
        flat = flat_imports(self.tree)
        for node in imports_in(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    module = flat.get(alias.name) or canonical(alias.name)
                    if module in MODULES:
                        self.imported.append((module, node.lineno))
                        # `import medusa.logger` gives us `medusa`.
                        known_as = alias.asname or alias.name
                        self.meanings[known_as] = (module, "")
            else:
                self._read_from(node, flat)

    def _read_from(self, node: ast.ImportFrom, flat: dict[str, str]) -> None:
        package = node.module or ""
        module = flat.get(package) or canonical(package)
        for alias in node.names:
            inner = canonical(f"{package}.{alias.name}") if package else flat.get(alias.name, "")
            if alias.name == "*":
                if module in MODULES:
                    self.imported.append((module, node.lineno))
                    self.stars.append(module)
            elif inner in MODULES:
                self.imported.append((inner, node.lineno))
                self.meanings[alias.asname or alias.name] = (inner, "")
            elif module in MODULES:
                self.taken.append((module, alias.name, node.lineno))
                self.meanings[alias.asname or alias.name] = (module, alias.name)

    def _attribute(self, node: ast.Attribute) -> Iterator[tuple[OldName, int]]:
        dotted = dotted_name(node)
        if not dotted:
            return
        meaning = self._meaning(dotted)
        if meaning:
            module, name = meaning
            if name.partition(".")[0] in table(module) or "." not in name:
                yield look_up(module, name), node.lineno
            return
        receiver = dotted.split(".")[-2]
        if receiver in CUSTOMS:
            module, owner = CUSTOMS[receiver]
            member = table(module).get(f"{owner}.{node.attr}")
            if member:
                yield member, node.lineno

    def _meaning(self, dotted: str) -> Meaning | None:
        """The module, and the name in it, that `a.b.c` stands for."""
        parts = dotted.split(".")
        for count in range(len(parts), 0, -1):
            meaning = self.meanings.get(".".join(parts[:count]))
            if meaning is None:
                continue
            module, name = meaning
            rest = parts[count:]
            while rest and not name and canonical(f"{module}.{rest[0]}") in MODULES:
                module = canonical(f"{module}.{rest.pop(0)}")
            found = ".".join(filter(None, [name, *rest]))
            return (module, found) if found else None
        return None

    def _overridden(self, node: ast.ClassDef) -> Iterator[tuple[OldName, int]]:
        """Members of an old class that a subclass of it defines, sets or uses on self."""
        for base in node.bases:
            meaning = self._meaning(dotted_name(base)) if dotted_name(base) else None
            if meaning is None and isinstance(base, ast.Name):
                meaning = next(
                    ((module, base.id) for module in self.stars if base.id in table(module)), None
                )
            if meaning is None:
                continue
            module, owner = meaning
            for each in ast.walk(node):
                if isinstance(each, ast.FunctionDef):
                    name = each.name
                elif isinstance(each, ast.Attribute) and dotted_name(each) == f"self.{each.attr}":
                    name = each.attr
                else:
                    continue
                member = table(module).get(f"{owner}.{name}")
                if member:
                    yield member, each.lineno


def imports_in(tree: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    """Every import, wherever it stands."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def flat_imports(tree: ast.Module) -> dict[str, str]:
    """What `import http_server` means, for programs with medusa's folder on their path."""
    seen: set[str] = set()
    medusa = False
    for node in imports_in(tree):
        if isinstance(node, ast.Import) or not node.module:
            seen.update(alias.name for alias in node.names)
        elif "medusa" in node.module.split("."):
            medusa = True
        else:
            seen.add(node.module)
    flat = {name: f"medusa.{name}" for name in seen & FLAT}
    if flat or medusa:
        flat.update({name: f"medusa.{name}" for name in seen & FLAT_IN_COMPANY})
    return flat


_tables: dict[str, dict[str, OldName]] = {}


def table(module: str) -> dict[str, OldName]:
    """The names of an old module."""
    if module not in _tables:
        here = MODULES[module].here if module in MODULES else ""
        there = not here or is_there(here)
        _tables[module] = {
            each.name: each if there else OldName(module, each.name, State.MISSING, NOT_YET)
            for each in names_of(module)
        }
    return _tables[module]


def is_there(module: str) -> bool:
    """Has this module of ours been written?  It is not imported: that would run it."""
    package, _, rest = module.partition(".")
    if package != "servers":
        return True
    path = ROOT.joinpath(*rest.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def look_up(module: str, name: str) -> OldName:
    """What has become of `name`, or of the first part of it that we know."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        known = table(module).get(".".join(parts[:count]))
        if known:
            return known
    if module in PACKAGES and not table(module):
        return OldName(module, parts[0], State.MISSING, NO_MODULE)
    return OldName(module, parts[0], State.MISSING, UNKNOWN)


def dotted_name(node: ast.expr) -> str:
    """`a.b.c` as it is written; "" if it is not only names."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
