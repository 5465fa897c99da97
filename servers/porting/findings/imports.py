"""How old modules are imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from servers.porting.findings.rule import Finding, Program, Rule
from servers.porting.uses import flat_imports


class FlatImport(Rule):
    """`import http_server`."""

    title = "a module of medusa imported by its bare name"
    why = "It was found because medusa's own folder was on the path."
    fix = "Write from servers.medusa import http_server; what follows stays as it is."
    minutes = 1

    def find(self, program: Program) -> Iterator[Finding]:
        """Imports of medusa's modules without medusa."""
        flat = flat_imports(program.tree)
        for node in ast.walk(program.tree):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = {node.module or ""}
            else:
                continue
            if names & set(flat):
                yield self.at(program, node)
