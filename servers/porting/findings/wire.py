"""Text where the wire has bytes: what is collected, terminators, what is sent."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from servers.porting.findings.rule import (
    Finding,
    Program,
    Rule,
    attribute_of_self,
    classes,
    functions,
    is_literal,
    is_text,
    method_called,
    sides,
)


class TextCollector(Rule):
    """`self.data = self.data + data`, beginning with `''`."""

    title = "text in a collector"
    why = (
        "collect_incoming_data gets bytes: adding them to text raises TypeError, comparing them "
        "with text is never true, and '%s' makes \"b'...'\" of them."
    )
    fix = (
        "Begin with b'', join with b''.join, use io.BytesIO; decode once when all has come, as in "
        "line = self.data.decode('latin-1')."
    )
    minutes = 10

    def find(self, program: Program) -> Iterator[Finding]:
        """Text that meets what has come in."""
        for method in functions(program.tree):
            # What a collector hands to its handler is what it has collected.
            given = {each.arg for each in method.args.args} & {"data", "body"}
            if method.name == "continue_request" and given:
                yield from self._text_against(program, method, given, set())
        for owner in classes(program.tree):
            for method in functions(owner):
                if method.name == "collect_incoming_data" and len(method.args.args) > 1:
                    data = method.args.args[1].arg
                    kept = kept_in(method, data)
                    yield from self._beginnings(program, owner, kept)
                    yield from self._text_against(program, method, {data}, set())
                    for other in functions(owner):
                        names = {name for name in aliases(other, kept)}
                        yield from self._text_against(program, other, names, kept)

    def _beginnings(
        self, program: Program, owner: ast.ClassDef, kept: set[str]
    ) -> Iterator[Finding]:
        """`self.data = ''`, `self.body = io.StringIO()`, `''.join(self.pieces)`."""
        for node in ast.walk(owner):
            if isinstance(node, ast.Assign) and any(
                attribute_of_self(target) in kept
                or (isinstance(target, ast.Name) and target.id in kept and node in owner.body)
                for target in flat_targets(node)
            ):
                for value in [node.value, *getattr(node.value, "elts", [])]:
                    if is_literal(value) or last_name(value) == "StringIO":
                        yield self.at(program, node)
            elif (
                method_called(node) == "join"
                and isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and is_text(node.func.value)
                and node.args
                and attribute_of_self(node.args[0]) in kept
            ):
                yield self.at(program, node)

    def _text_against(
        self, program: Program, method: ast.FunctionDef, names: set[str], kept: set[str]
    ) -> Iterator[Finding]:
        """`data.split(' ')`, `if self.line == 'quit'`, `'x' in data`, `self.line + '...'`."""

        def came_in(node: ast.AST) -> bool:
            node = unstripped(node)
            if isinstance(node, ast.Subscript):
                node = node.value
            return (isinstance(node, ast.Name) and node.id in names) or (
                attribute_of_self(node) in kept
            )

        for node in ast.walk(method):
            if isinstance(node, ast.Compare):
                if any(came_in(one) and is_literal(other) for one, _, other in sides(node)):
                    yield self.at(program, node)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                # Python 3 makes "b'...'" of it, without a word.
                given = getattr(node.right, "elts", [node.right])
                if is_text(node.left) and any(map(came_in, given)):
                    yield self.at(program, node)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
                pair = (node.left, node.right)
                if any(map(came_in, pair)) and any(map(is_text, pair)):
                    yield self.at(program, node)
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr not in ("decode", "append")
                and came_in(node.func.value)
                and any(map(is_literal, node.args))
            ):
                yield self.at(program, node)


class TextTerminator(Rule):
    """`set_terminator('\\r\\n')`."""

    title = "a terminator given as text"
    why = (
        "The wire has bytes. Our own channels take text as latin-1; asynchat itself fails at the "
        "first byte that comes."
    )
    fix = "Write it as bytes: set_terminator(b'\\r\\n')."
    minutes = 1

    def find(self, program: Program) -> Iterator[Finding]:
        """Terminators that are set, or compared with what was set, as text."""
        for node in ast.walk(program.tree):
            if isinstance(node, ast.Call) and method_called(node) == "set_terminator":
                if any(map(is_text, node.args)):
                    yield self.at(program, node)
            elif isinstance(node, ast.Compare) and any(
                method_called(one) == "get_terminator" and is_text(other)
                for one, _, other in sides(node)
            ):
                yield self.at(program, node)


class TextToSocket(Rule):
    """`self.send('...')`, and `push('...')` in an asynchat.async_chat."""

    title = "text given to a socket"
    why = "A socket takes bytes, and so does asynchat's push: text raises TypeError."
    fix = "Encode it, as in self.send(text.encode('utf-8')), or write the literal as b'...'."
    minutes = 2

    def find(self, program: Program) -> Iterator[Finding]:
        """Text that is sent as it is."""
        for node in ast.walk(program.tree):
            if (
                isinstance(node, ast.Call)
                and method_called(node) in ("send", "sendall", "sendto")
                and node.args
                and is_text(node.args[0])
            ):
                yield self.at(program, node)
        for owner in classes(program.tree):
            if not any(last_name(base) == "async_chat" for base in owner.bases):
                continue
            for node in ast.walk(owner):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == "push"
                    and attribute_of_self(node.func) == "push"
                    and node.args
                    and is_text(node.args[0])
                ):
                    yield self.at(program, node)


def kept_in(method: ast.FunctionDef, data: str) -> set[str]:
    """The attributes of self to which a collector adds what has come in."""
    kept = set()
    for node in ast.walk(method):
        if isinstance(node, ast.AugAssign) and uses(node.value, data):
            kept.add(attribute_of_self(node.target))
        elif isinstance(node, ast.Assign) and uses(node.value, data):
            kept.update(map(attribute_of_self, node.targets))
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("append", "write")
            and any(uses(each, data) for each in node.args)
        ):
            kept.add(attribute_of_self(node.func.value))
    return kept - {""}


def aliases(method: ast.FunctionDef, kept: set[str]) -> Iterator[str]:
    """Names of a method that stand for what was kept: `line = self.data`, `''.join(self.data)`."""
    for node in ast.walk(method):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = unstripped(node.value)
            if method_called(value) == "join" and value.args:  # type: ignore[attr-defined]
                value = value.args[0]  # type: ignore[attr-defined]
            if attribute_of_self(value) in kept:
                yield node.targets[0].id


def unstripped(node: ast.AST) -> ast.AST:
    """The `x` of `x.strip().lower()`."""
    while method_called(node) in ("strip", "rstrip", "lstrip", "lower", "upper"):
        node = node.func.value  # type: ignore[attr-defined]
    return node


def flat_targets(node: ast.Assign) -> Iterator[ast.expr]:
    """What is assigned to, also inside `a, b = ...`."""
    for target in node.targets:
        yield target
        yield from getattr(target, "elts", [])


def last_name(node: ast.AST) -> str:
    """The last name of `a.b.c` or `a.b.c(...)`."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def uses(node: ast.AST, name: str) -> bool:
    """Does the name stand somewhere below `node`?"""
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))
