"""No comment is lost: those that the converter drops come back, above the statement.

Its fixers keep what stands between statements; of what stands between the parts of one, some keep
nothing.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from difflib import SequenceMatcher

from servers.porting import syntax


def comments(text: str) -> dict[int, str]:
    """The comments of a text that is nearly Python, by line, counted from 1."""
    found: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        pass  # what the interpreter's tokenizer does not read has been read by the converter's
    return found


def restore(old: str, new: str) -> str:
    """The new text with the comments of the old one that it lacks, each above its statement."""
    before, after = comments(old), comments(new)
    lacking = Counter(before.values()) - Counter(after.values())
    tree = syntax.parse(new)
    if not lacking or not isinstance(tree, ast.Module):
        return new
    starts = statement_starts(tree)
    lines = new.split("\n")
    insertions: list[tuple[int, str]] = []
    there = positions(old.split("\n"), lines)
    for number in sorted(before):
        comment = before[number]
        if lacking[comment] and after.get(there[number - 1] + 1) != comment:
            lacking[comment] -= 1
            line = max((each for each in starts if each <= there[number - 1] + 1), default=1)
            text = lines[line - 1]
            margin = text[: len(text) - len(text.lstrip())]
            insertions.append((line - 1, margin + comment))
    for position, comment in reversed(insertions):
        lines.insert(position, comment)
    return "\n".join(lines)


def statement_starts(tree: ast.Module) -> list[int]:
    """The lines, from 1, where statements begin that begin a line of their own."""
    return sorted({
        min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
    })


def positions(old: list[str], new: list[str]) -> list[int]:
    """For each old line, counted from 0, the new line that stands for it."""
    where: list[int] = []
    for _, low, high, new_low, new_high in SequenceMatcher(None, old, new).get_opcodes():
        for position in range(high - low):
            scaled = position * (new_high - new_low) // (high - low)
            where.append(max(min(new_low + scaled, new_high - 1), 0))
    return where
