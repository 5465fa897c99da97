"""What handlers ask of requests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from servers.porting.findings.producers import each_of
from servers.porting.findings.rule import Finding, Program, Rule, is_literal, sides

METHODS = frozenset({
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "PROPFIND",
    "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT",
})


class CommandCase(Rule):
    """`if request.command == 'get':`."""

    title = "the case of request.command"
    why = (
        "medusa gives the method as it was sent, in upper case; ZServer gives it in lower case. "
        "A handler that is moved from one to the other refuses everything."
    )
    fix = "Compare request.command.upper() with 'GET'."
    minutes = 2

    def find(self, program: Program) -> Iterator[Finding]:
        """Comparisons of a command with a literal."""
        for node in ast.walk(program.tree):
            if isinstance(node, ast.Compare) and any(
                isinstance(one, ast.Attribute)
                and one.attr == "command"
                and any(is_literal(each) and is_method(each) for each in each_of(other))
                for one, _, other in sides(node)
            ):
                yield self.at(program, node)


def is_method(node: ast.expr) -> bool:
    """Is it the name of an HTTP method, in any case?"""
    return isinstance(node, ast.Constant) and str(node.value).upper() in METHODS
