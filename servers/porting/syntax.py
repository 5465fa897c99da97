"""Does this text parse as Python 3?

The tree is the interpreter's own.  Whatever the interpreter warns of in somebody else's program
(escapes, `is` with a literal) is not ours to print.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

#: What a program catches that can do without a name.  (Not Exception: servers catch that for ever.)
MISSING = ("ImportError", "ModuleNotFoundError", "NameError", "AttributeError")


@dataclass(frozen=True)
class Refusal:
    """Where a text stops being Python, and why."""

    line: int
    reason: str


def parse(text: str) -> ast.Module | Refusal:
    """The tree of a text in Python 3, or why it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except SyntaxError as error:  # also IndentationError and TabError
            return Refusal(error.lineno or 0, error.msg)
        except ValueError as error:
            return Refusal(0, str(error))
        except (RecursionError, MemoryError):
            return Refusal(0, "it is nested too deeply")


def names_bound(tree: ast.AST) -> Iterator[str]:
    """Every name that the program gives to something, but for modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


def modules_imported(tree: ast.AST) -> Iterator[str]:
    """Every name that an `import` gives to a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)


def expected_to_fail(tree: ast.AST) -> set[int]:
    """The id() of whatever stands where the program expects that a name or module is missing.

    That is a `try` that catches ImportError, NameError or AttributeError, and an `if` that asks for
    the version.
    """
    guarded: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            guards = any(map(_catches_a_missing_name, node.handlers))
        else:
            guards = isinstance(node, ast.If) and _asks_for_the_version(node.test)
        if guards:
            guarded.update(id(inner) for inner in ast.walk(node))
    return guarded


def _catches_a_missing_name(handler: ast.ExceptHandler) -> bool:
    several = getattr(handler.type, "elts", [handler.type])
    return any(getattr(each, "id", "") in MISSING for each in several)


def _asks_for_the_version(test: ast.expr) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("version_info", "PY2", "PY3"))
        or (isinstance(node, ast.Name) and node.id in ("PY2", "PY3"))
        for node in ast.walk(test)
    )
