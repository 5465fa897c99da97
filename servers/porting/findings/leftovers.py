"""What Python 2 had, Python 3 has not, and no converter can replace."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from servers.porting.findings.gone import FUNCTIONS, METHODS, MODULES, SPECIAL
from servers.porting.findings.rule import (
    Finding,
    Program,
    Rule,
    function_called,
    is_literal,
    method_called,
)
from servers.porting.findings.wire import last_name
from servers.porting.syntax import expected_to_fail, modules_imported, names_bound

#: Codecs of Python 2 that gave bytes for bytes.
OLD_CODECS = ("base64", "bz2", "hex", "quopri", "rot13", "string-escape", "string_escape", "zlib")


class LeftByTheConverter(Rule):
    """What the converter itself could not do, in its words."""

    title = "left by the converter"
    why = "It saw Python 2 there, and could not tell what was meant."
    fix = "Read the line, and write what it means."

    def find(self, program: Program) -> Iterator[Finding]:
        """Nothing: these findings are made where the converter is called."""
        return iter(())


class StringCaught(Rule):
    """`except "busy":`, and `Busy = "busy"` that is raised."""

    title = "a string used as an exception"
    why = "Python 3 raises and catches classes only; a string raises TypeError at that moment."
    fix = "Make it a class, class Busy(Exception): pass, and raise and catch that."
    minutes = 10

    def find(self, program: Program) -> Iterator[Finding]:
        """Strings that are raised by a name, or caught."""
        strings = {
            target.id
            for node in ast.walk(program.tree)
            if isinstance(node, ast.Assign) and is_literal(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(program.tree):
            if isinstance(node, ast.Raise) and node.exc is not None:
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                if is_literal(raised) or last_name(raised) in strings:
                    yield self.at(program, node)
            elif isinstance(node, ast.ExceptHandler) and node.type is not None:
                several = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
                if any(is_literal(each) or last_name(each) in strings for each in several):
                    yield self.at(program, node)


class RemovedModule(Rule):
    """`import md5`."""

    title = "a module that is gone"
    why = "Python 3 has no such module any more, so the program ends at the import."
    fix = "Use what is named beside it."
    minutes = 15

    def find(self, program: Program) -> Iterator[Finding]:
        """Imports that fail, unless the program expects that."""
        guarded = expected_to_fail(program.tree)
        for node in ast.walk(program.tree):
            if id(node) in guarded:
                continue
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                if name in MODULES:
                    yield self.at(program, node, f"{name}: {MODULES[name]}")


class RemovedName(Rule):
    """`base64.encodestring(x)`, `def __cmp__`, `'...'.encode('base64')`."""

    title = "a name that is gone"
    why = "Python 3 has no such function, method or hook: it raises, or is never called."
    fix = "Use what is named beside it."
    minutes = 5

    def find(self, program: Program) -> Iterator[Finding]:
        """Functions, methods and hooks that Python 3 does not know."""
        bound = set(names_bound(program.tree))
        modules = set(modules_imported(program.tree)) - bound
        bound.update(modules_imported(program.tree))
        guarded = expected_to_fail(program.tree)
        for node in ast.walk(program.tree):
            found = ""
            if id(node) in guarded:
                continue
            if isinstance(node, ast.FunctionDef):
                found = SPECIAL.get(node.name, "") and node.name
            elif isinstance(node, ast.Attribute):
                if isinstance(node.value, ast.Name) and node.value.id in modules:
                    dotted = f"{node.value.id}.{node.attr}"
                    found = dotted if dotted in FUNCTIONS else ""
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if f"{node.module}.{alias.name}" in FUNCTIONS:
                        found = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.Call):
                name = function_called(node)
                if name in FUNCTIONS and name not in bound:
                    found = name
                elif method_called(node) in METHODS:
                    found = f".{method_called(node)}()"
                elif method_called(node) in ("encode", "decode") and is_old_codec(node):
                    found = f".{method_called(node)}({ast.unparse(node.args[0])})"
            if found:
                key = found.strip(".()") if found.startswith(".") else found
                instead = {**FUNCTIONS, **METHODS, **SPECIAL}.get(key, "use the module codecs")
                yield self.at(program, node, f"{found}: {instead}")


class Division(Rule):
    """`len(data) / 2`."""

    title = "a division of whole numbers"
    why = "Between whole numbers Python 2 rounded down; Python 3 gives a fraction."
    fix = "Write // where a whole number is meant. Once the file is Python 3 nobody can tell."
    minutes = 2

    def find(self, program: Program) -> Iterator[Finding]:
        """Divisions in a Python 2 program with a whole number on one side."""
        if program.true_division:
            return
        for node in ast.walk(program.tree):
            pair: tuple[ast.expr, ast.expr] | None = None
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                pair = (node.left, node.right)
            elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div):
                pair = (node.target, node.value)
            if pair and any(map(is_whole, pair)) and not any(map(is_fraction, pair)):
                yield self.at(program, node)


def is_old_codec(node: ast.Call) -> bool:
    """Is it `'...'.encode('base64')`, bytes to bytes?"""
    return bool(node.args) and (
        isinstance(node.args[0], ast.Constant) and node.args[0].value in OLD_CODECS
    )


def is_whole(node: ast.expr) -> bool:
    """Is it certainly a whole number?"""
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    return function_called(node) in ("len", "int", "ord")


def is_fraction(node: ast.expr) -> bool:
    """Is it certainly a fraction?"""
    return any(
        (isinstance(each, ast.Constant) and isinstance(each.value, float))
        or function_called(each) == "float"
        for each in ast.walk(node)
    )
