"""Producers and answers: is it text or a producer, where does it end, how long is it?"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from servers.porting.findings.rule import (
    Finding,
    Program,
    Rule,
    function_called,
    functions,
    is_empty_text,
    is_literal,
    method_called,
    sides,
)
from servers.porting.findings.wire import last_name

#: The names of Python 2's module `types` that mean text.
TEXT_TYPES = frozenset({"StringType", "StringTypes", "UnicodeType"})


class TypeOfText(Rule):
    """`if type(thing) == type(''):`."""

    title = "a type compared with that of text"
    why = (
        "It asks whether something is a string or a producer; bytes are a string too now, and "
        "are taken for a producer."
    )
    fix = "Ask isinstance(thing, (str, bytes)); what types.StringType was is gone."
    minutes = 3

    def find(self, program: Program) -> Iterator[Finding]:
        """Comparisons with the type of text, and names for it."""
        for node in ast.walk(program.tree):
            if isinstance(node, ast.Compare):
                for one, _, other in sides(node):
                    if function_called(one) == "type" and any(map(is_type_of_text, each_of(other))):
                        yield self.at(program, node)
            elif (isinstance(node, ast.Attribute) and node.attr in TEXT_TYPES) or (
                isinstance(node, ast.ImportFrom)
                and node.module == "types"
                and any(alias.name in TEXT_TYPES for alias in node.names)
            ):
                yield self.at(program, node)


class EndOfData(Rule):
    """`return ''` in `more()`, and `== ''` about what was read."""

    title = "'' as the end of data"
    why = (
        "A producer may end with '' here, but whoever asks whether bytes == '' never sees the "
        "end: the loop runs for ever."
    )
    fix = "Return b'' from more(), with bytes before it; ask `if not data` instead of == ''."
    minutes = 3

    def find(self, program: Program) -> Iterator[Finding]:
        """Ends that are text, and questions for them."""
        for function in functions(program.tree):
            read = {
                target.id
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                and method_called(node.value) in ("more", "recv", "read")
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and function.name == "more":
                    if is_empty_text(node.value):
                        yield self.at(program, node)
                elif isinstance(node, ast.Compare) and any(
                    is_empty_text(other)
                    and (
                        method_called(one) in ("more", "recv", "read")
                        or (isinstance(one, ast.Name) and one.id in read)
                    )
                    for one, _, other in sides(node)
                ):
                    yield self.at(program, node)


class LengthOfText(Rule):
    """`request['Content-Length'] = len(text)`."""

    title = "the length of text as Content-Length"
    why = (
        "It counts characters, and the client counts bytes: with the first accent the answer is "
        "cut off, or the connection waits for what does not come."
    )
    fix = "Encode first, data = text.encode('utf-8'), then push(data) and count len(data)."
    minutes = 5

    def find(self, program: Program) -> Iterator[Finding]:
        """Lengths of what has not been encoded."""
        for function in [*functions(program.tree), program.tree]:
            encoded = {
                target.id
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and gives_bytes(node.value)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            inside = function.body if isinstance(function, ast.Module) else [function]
            for statement in inside:
                if isinstance(function, ast.Module) and isinstance(
                    statement, ast.FunctionDef | ast.ClassDef
                ):
                    continue
                for node in ast.walk(statement):
                    length = self._length(node)
                    if length is not None and not (
                        gives_bytes(length)
                        or (isinstance(length, ast.Name) and length.id in encoded)
                    ):
                        yield self.at(program, node)

    def _length(self, node: ast.AST) -> ast.expr | None:
        """What is counted, if `node` makes a Content-Length of it."""
        value: ast.AST | None = None
        if isinstance(node, ast.Assign):
            if any(
                isinstance(target, ast.Subscript) and names_the_field(target.slice)
                for target in node.targets
            ):
                value = node.value
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
            if names_the_field(node.left):
                value = node.right
        elif isinstance(node, ast.JoinedStr):
            if any(map(names_the_field, node.values)):
                value = node
        elif isinstance(node, ast.Tuple | ast.Call):
            several = node.elts if isinstance(node, ast.Tuple) else node.args
            if len(several) == 2 and names_the_field(several[0]):
                value = several[1]
        if value is not None:
            for each in ast.walk(value):
                if isinstance(each, ast.Call) and function_called(each) == "len" and each.args:
                    return each.args[0]
        return None


class TextFile(Rule):
    """`file_producer(open(path))`."""

    title = "a file opened as text and sent"
    why = "Text is decoded and encoded again, which changes or refuses what is not UTF-8."
    fix = "Open it as it is: open(path, 'rb')."
    minutes = 1

    def find(self, program: Program) -> Iterator[Finding]:
        """Files for producers without a `b` in their mode."""
        for node in ast.walk(program.tree):
            if isinstance(node, ast.Call) and last_name(node) == "file_producer":
                for each in node.args:
                    if isinstance(each, ast.Call) and function_called(each) == "open":
                        mode = each.args[1] if len(each.args) > 1 else ast.Constant("r")
                        if is_literal(mode) and "b" not in ast.literal_eval(mode):
                            yield self.at(program, node)


def each_of(node: ast.expr) -> list[ast.expr]:
    """The members of a tuple or list; else the thing itself."""
    return node.elts if isinstance(node, ast.Tuple | ast.List) else [node]


def is_type_of_text(node: ast.expr) -> bool:
    """Is it `type('')`, `str`, `bytes` or `types.StringType`?"""
    if isinstance(node, ast.Call) and function_called(node) == "type" and node.args:
        constant = node.args[0]
        return isinstance(constant, ast.Constant) and isinstance(constant.value, str | bytes)
    return last_name(node) in {"str", "bytes", *TEXT_TYPES} and not isinstance(node, ast.Call)


def names_the_field(node: ast.AST) -> bool:
    """Is it text that begins, or goes on, with `Content-Length`?"""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and "content-length" in node.value.lower()
    )


def gives_bytes(node: ast.AST) -> bool:
    """Is it certainly bytes?"""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bytes)
    return method_called(node) == "encode" or function_called(node) == "bytes"
