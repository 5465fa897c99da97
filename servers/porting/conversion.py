"""The mechanical part: Python 2 as Python 3, as far as nobody has to think.

The converter is fissix, which keeps lib2to3 alive after Python 3.12; this is the only file that
needs it, with `fixers`.  It runs on Python 2 only (`python2` tells), until nothing changes any
more: what has been written is never changed again.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the converter has to say to its own authors
    from fissix import pygram
    from fissix.fixes import fix_imports, fix_imports2
    from fissix.pgen2 import tokenize
    from fissix.pgen2.parse import ParseError
    from fissix.refactor import RefactoringTool

from servers.porting import comments, indentation, python2, syntax
from servers.porting.syntax import Refusal

#: Rounds after which a text that still changes is given up.
ROUNDS = 4

#: Its fixers that we use.  Left out: what is a matter of taste; `types`, for which we have our own;
#: and `input`, for no old server asks a user for an expression.
FIXERS = (
    "apply", "asserts", "basestring", "dict", "except", "exec", "execfile", "exitfunc", "filter",
    "funcattrs", "future", "getcwdu", "has_key", "import", "imports", "imports2", "intern",
    "isinstance", "itertools", "itertools_imports", "long", "map", "metaclass", "methodattrs",
    "ne", "next", "nonzero", "numliterals", "operator", "paren", "print", "raise", "raw_input",
    "reduce", "reload", "renames", "repr", "sorted", "standarderror", "sys_exc", "throw",
    "tuple_params", "unicode", "urllib", "xrange", "xreadlines", "zip",
)

#: The fixers of names that a program for both Pythons defines for itself.
OF_NAMES = {
    "basestring": "basestring",
    "intern": "intern",
    "long": "long",
    "raw_input": "raw_input",
    "reduce": "reduce",
    "unichr": "unicode",
    "unicode": "unicode",
    "urllib": "urllib",
    "xrange": "xrange",
}

#: Ours.
OURS = (
    "servers.porting.fixers.fix_other_types",
    "servers.porting.fixers.fix_string_exceptions",
    "servers.porting.fixers.fix_string_module",
)

#: Modules that the converter renames.
RENAMED = (
    frozenset({*fix_imports.MAPPING, *fix_imports2.MAPPING, "urllib2"}) - sys.stdlib_module_names
)

#: Names of Python 2 programs that are words of Python 3.
NEW_WORDS = re.compile(r"\b(?:async|await|nonlocal)\b")

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")

#: What the interpreter says of a program that is broken in any Python.
CLEAR = re.compile("never closed|unterminated|unmatched|does not match|invalid .*character")

WARNING = re.compile(r"Line (\d+): (?:could not convert: )?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Warned:
    """What the converter could not do: the line in the text it was given, and its words."""

    line: int
    words: str


@dataclass(frozen=True)
class Conversion:
    """A text in Python 3.

    python: 2 or 3, what the text was before.
    """

    text: str
    python: int
    warned: tuple[Warned, ...] = ()


class Converter:
    """Converts texts; one for all of them, for its tools take as long to make as a small file."""

    def __init__(self) -> None:
        self._tools: dict[tuple[bool, frozenset[str]], Any] = {}

    def _tool(self, functions: bool, without: frozenset[str] = frozenset()) -> Any:
        """The converter for programs whose print and exec are functions, or statements.

        without: fixers that must not run.
        """
        tool = self._tools.get((functions, without))
        if tool is None:
            names = [f"fissix.fixes.fix_{each}" for each in FIXERS if each not in without]
            tool = RefactoringTool(sorted([*names, *OURS]))
            if functions:
                tool.grammar = pygram.python_grammar_no_print_and_exec_statement
                tool.driver.grammar = tool.grammar
            self._tools[functions, without] = tool
        return tool

    def convert(self, text: str, name: str) -> Conversion | Refusal:
        """The text in Python 3, or why there is none.

        name: the path of the file; its neighbours decide what a relative import is.
        """
        tree = syntax.parse(text)
        if isinstance(tree, ast.Module) and not self._is_python_2(tree):
            return Conversion(text, 3)
        readable = text
        if isinstance(tree, Refusal):
            try:
                readable = without_tabs(text)
            except Unclosed as unclosed:
                return _better(unclosed.refusal, tree)
            tree = syntax.parse(readable)
        if isinstance(tree, Refusal):
            converted = self._run(self._tool(False), readable, name)
            if isinstance(converted, Refusal):
                return _better(converted, tree)
        elif self._is_python_2(tree):
            functions = not python2.prints_to_a_file(tree)
            converted = self._run(self._tool(functions, self._own(tree)), readable, name)
        else:
            converted = Conversion(readable, 2)
        if isinstance(converted, Refusal):
            return converted
        kept = comments.restore(readable, converted.text)
        return self._settled(Conversion(kept, 2, converted.warned), name)

    def _settled(self, converted: Conversion, name: str) -> Conversion | Refusal:
        """The conversion, converted again until another one would change nothing."""
        text = converted.text
        for _ in range(ROUNDS):
            tree = syntax.parse(text)
            if isinstance(tree, ast.Module) and not self._is_python_2(tree):
                return Conversion(text, 2, converted.warned)
            # Something is left: what takes two steps, as 0777L does, or what the converter cannot
            # do, such as a function it does not know.
            own = frozenset() if isinstance(tree, Refusal) else self._own(tree)
            again = self._run(self._tool(True, own), text, name)
            settled = isinstance(again, Conversion) and again.text == text
            if isinstance(tree, Refusal) and (settled or isinstance(again, Refusal)):
                return _still_not_python_3(text, tree)
            if isinstance(again, Refusal):
                return again
            if settled:
                return Conversion(text, 2, converted.warned)
            text = again.text
        return Refusal(0, "every conversion would change it once more; convert it by hand")

    def _own(self, tree: ast.Module) -> frozenset[str]:
        """The fixers of names that the program has defined, or imported, for itself."""
        bound = set(syntax.names_bound(tree))
        return frozenset(fixer for name, fixer in OF_NAMES.items() if name in bound)

    def _is_python_2(self, tree: ast.Module) -> bool:
        return python2.prints_to_a_file(tree) or python2.is_meant_for_python_2(tree, RENAMED)

    def _run(self, tool: Any, text: str, name: str) -> Conversion | Refusal:
        tool.fixer_log.clear()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                converted = str(tool.refactor_string(text, name))
        except (ParseError, tokenize.TokenError, SyntaxError) as error:
            return _refusal_of(error, Refusal(0, "neither Python 2 nor Python 3 reads it"))
        except RecursionError:
            return Refusal(0, "it is nested too deeply")
        except Exception as error:  # a fixer that trips over a program harms nobody else's
            return Refusal(0, f"the converter stopped with {type(error).__name__}: {error}")
        return Conversion(converted, 2, tuple(_warned(tool.fixer_log)))


class Unclosed(Exception):
    """A text whose end comes too early; `refusal` says what is open."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def without_tabs(text: str) -> str:
    """The text, with blanks for tabs at the beginnings of lines if Python 3 insists on that.

    Raises Unclosed if a bracket or a string is.
    """
    inside: set[int] = set()
    margins: list[str] = []
    brackets: list[Refusal] = []
    beginning = True
    try:
        for kind, value, start, end, line in tokenize.generate_tokens(io.StringIO(text).readline):
            if kind == tokenize.STRING:
                inside.update(range(start[0], end[0]))
            elif kind == tokenize.OP and value in OPENING:
                brackets.append(Refusal(start[0], f"{value!r} is never closed"))
            elif kind == tokenize.OP and value in CLOSING and brackets:
                brackets.pop()
            if kind in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT):
                continue
            if beginning and value and kind != tokenize.NEWLINE:
                margins.append(line[: start[1]])
            beginning = kind == tokenize.NEWLINE
    except tokenize.TokenError as error:
        message, (line, _) = error.args
        raise Unclosed(brackets[-1] if brackets else Refusal(line, message)) from error
    except IndentationError as error:
        raise Unclosed(Refusal(error.lineno or 0, error.msg)) from error
    return text if indentation.is_consistent(iter(margins)) else indentation.expand(text, inside)


def _still_not_python_3(text: str, refusal: Refusal) -> Refusal:
    """Why a converted text is refused, in words that say what to do where we know it."""
    line = text.split("\n")[refusal.line - 1] if refusal.line else ""
    word = NEW_WORDS.search(line)
    if word and refusal.reason == "invalid syntax":
        return Refusal(
            refusal.line, f"{word[0]!r} is a word of the language now; choose another name"
        )
    return Refusal(refusal.line, f"converted, it would still not be Python 3: {refusal.reason}")


def _better(converters: Refusal, interpreters: Refusal) -> Refusal:
    """The more helpful of two: Python 3 stops at the first `print`, but knows brackets."""
    return interpreters if CLEAR.search(interpreters.reason) else converters


def _warned(log: list[str]) -> Iterator[Warned]:
    """What the converter wrote down: a line with a number, then perhaps one with the reason."""
    for entry in log:
        found = WARNING.match(entry)
        if found:
            yield Warned(int(found[1]), " ".join(found[2].split()))


def _refusal_of(error: Exception, otherwise: Refusal) -> Refusal:
    """Where and why the converter could not read a text."""
    if isinstance(error, ParseError):
        value = error.value.strip()
        shown = repr(value) if value else "the end of the line"
        return Refusal(error.context[1][0], f"neither Python 2 nor Python 3 has {shown} here")
    if isinstance(error, SyntaxError):
        return Refusal(error.lineno or otherwise.line, error.msg)
    return otherwise
