"""Maps that change while somebody walks them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from servers.porting.findings.rule import Finding, Program, Rule, method_called

#: Methods of a map after which it has another size.
CHANGING = frozenset({"pop", "popitem", "clear", "update", "setdefault"})


class MapWalked(Rule):
    """`for channel in asyncore.socket_map.values(): channel.close()`."""

    title = "a map changed while it is walked"
    why = (
        "Python 3 walks the map itself, where Python 2 walked a list: RuntimeError as soon as a "
        "connection comes or goes."
    )
    fix = "Walk a copy: for channel in list(asyncore.socket_map.values())."
    minutes = 2

    def find(self, program: Program) -> Iterator[Finding]:
        """Loops over a map that their body changes, or over a socket map."""
        for node in ast.walk(program.tree):
            walked = map_walked(node.iter) if isinstance(node, ast.For) else ""
            if walked and isinstance(node, ast.For):
                body = [each for line in node.body for each in ast.walk(line)]
                # Whatever is called may open or close a connection.
                calls = any(isinstance(each, ast.Call) for each in body)
                shared = walked.endswith("socket_map")
                if (shared and calls) or any(changes(each, walked) for each in body):
                    yield self.at(program, node)


def map_walked(node: ast.expr) -> str:
    """The map, as it is written; "" if it is walked in a copy, or is something else."""
    if isinstance(node, ast.Call):
        if method_called(node) in ("keys", "values", "items") and not node.args:
            assert isinstance(node.func, ast.Attribute)
            return ast.unparse(node.func.value)
        return ""
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def changes(node: ast.AST, name: str) -> bool:
    """Does it take something out of the map of that name, or put something in?"""
    if isinstance(node, ast.Delete):
        return any(
            isinstance(target, ast.Subscript) and ast.unparse(target.value) == name
            for target in node.targets
        )
    if isinstance(node, ast.Call) and method_called(node) in CHANGING:
        assert isinstance(node.func, ast.Attribute)
        return ast.unparse(node.func.value) == name
    return False
