"""What a rule is, and how it looks at a program.

Rules read the interpreter's own tree (`ast`) of the program as it is in Python 3, behind the
mechanical part: one tree for old programs and new ones, and a construct that the converter has
dealt with cannot be reported once more.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

#: Characters of a line that a report shows.
SHOWN = 80


@dataclass(frozen=True)
class Program:
    """A program in Python 3, and what it was before.

    python: 2 or 3, what it was written for; lines: of the text that `tree` is of.
    true_division: is `/` what it is in Python 3, whatever `python`?
    """

    tree: ast.Module
    lines: tuple[str, ...]
    python: int = 3
    true_division: bool = True


@dataclass(frozen=True)
class Finding:
    """A line that needs a person, counted from 1, and what is seen there."""

    rule: Rule
    line: int
    seen: str


class Rule(ABC):
    """One way in which a program stops working, and what to do."""

    #: What is found, as the heading of an explanation.
    title: str
    #: A sentence: why it matters.
    why: str
    #: A sentence: what to do.
    fix: str
    #: Minutes for one finding, by somebody who knows the program.  Our guess.
    minutes: int = 5

    @abstractmethod
    def find(self, program: Program) -> Iterator[Finding]:
        """The findings in a program."""

    def at(self, program: Program, node: ast.AST, seen: str = "") -> Finding:
        """A finding at a node; `seen` is its line unless given."""
        line: int = getattr(node, "lineno", 1)
        shown = seen or program.lines[line - 1].strip()
        return Finding(self, line, shown if len(shown) <= SHOWN else shown[: SHOWN - 3] + "...")


def is_text(node: ast.AST | None) -> bool:
    """Is it certainly `str`: a literal, or put together from one?"""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod | ast.Mult):
        return is_text(node.left) or (isinstance(node.op, ast.Add) and is_text(node.right))
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("join", "format", "replace"):
            return is_text(function.value)
        return isinstance(function, ast.Name) and function.id in ("str", "repr")
    return isinstance(node, ast.JoinedStr)


def is_literal(node: ast.AST | None) -> bool:
    """Is it a string between quotes, of text?"""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_empty_text(node: ast.AST | None) -> bool:
    """Is it `''`?"""
    return isinstance(node, ast.Constant) and node.value == "" and isinstance(node.value, str)


def method_called(node: ast.AST | None) -> str:
    """The name of the method that is called there; "" if it is no such call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def function_called(node: ast.AST | None) -> str:
    """The name of the function or class that is called there; "" if it is no such call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return ""


def attribute_of_self(node: ast.AST | None) -> str:
    """The `x` of `self.x`; "" if it is something else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "self" else ""
    return ""


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Every function and method."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Every class."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def sides(compare: ast.Compare) -> Iterator[tuple[ast.expr, ast.cmpop, ast.expr]]:
    """Each pair of neighbours in a comparison, in both orders."""
    everything = [compare.left, *compare.comparators]
    for left, operator, right in zip(everything, compare.ops, everything[1:], strict=False):
        yield left, operator, right
        yield right, operator, left
