"""`string.join(words, ",")` is `",".join(words)`: functions of `string` that became methods.

Only where `string` can be nothing but the module; what is left is a finding.
"""

from __future__ import annotations

import re
from typing import Any

from fissix import fixer_base
from fissix.fixer_util import ArgList, Comma, Dot, Name, String, parenthesize
from fissix.pgen2 import token
from fissix.pytree import Node

#: Functions whose first argument became the object.
METHODS = frozenset({
    "capitalize", "center", "count", "expandtabs", "find", "index", "ljust", "lower", "lstrip",
    "replace", "rfind", "rindex", "rjust", "rstrip", "split", "strip", "swapcase", "upper",
    "zfill",
})

#: Functions that are built in.
BUILTINS = {"atoi": "int", "atol": "int", "atof": "float"}

#: Constants that have another name.
CONSTANTS = {
    "letters": "ascii_letters",
    "lowercase": "ascii_lowercase",
    "uppercase": "ascii_uppercase",
}

IMPORTED = re.compile(r"^[ \t]*import\b[^\n#]*\bstring\b", re.MULTILINE)

#: Ways to give the name to something else: an assignment, a parameter, a loop, another import.
REBOUND = re.compile(
    r"""\bstring[ \t]*(,[^\n=]*)?=(?!=) | \bdef[ ]+\w+[ ]*\([^)]*\bstring\b
    | \bfor\b[^\n]*\bstring\b[^\n]*\bin\b | \blambda\b[^:\n]*\bstring\b
    | \bimport[^\n]*\bas[ ]+string\b | \bfrom\b[^\n]*\bimport\b[^\n]*\bstring\b""",
    re.VERBOSE,
)


def any_of(names: Any) -> str:
    """One of these names, in the language of patterns."""
    return "|".join(f"'{each}'" for each in sorted(names))


def prefixes(node: Any) -> str:
    """Blanks and comments between the parts of a node."""
    return "".join(leaf.prefix for leaf in list(node.leaves())[1:])


class FixStringModule(fixer_base.BaseFix):  # type: ignore[misc]
    """Rewrites calls of functions of the module `string`."""

    BM_compatible = True
    PATTERN = f"""
        power< 'string' trailer< '.' function=({any_of({*METHODS, *BUILTINS})}) >
               trailer< '(' arguments=any ')' > rest=any* >
        | power< 'string' trailer< '.' join=('join'|'joinfields') >
               trailer< '(' arguments=any ')' > rest=any* >
        | power< 'string' trailer< '.' constant=({any_of(CONSTANTS)}) > any* >
        """

    def start_tree(self, tree: Any, filename: str) -> None:
        """Look whether `string` is the module everywhere."""
        super().start_tree(tree, filename)
        text = str(tree)
        self.is_the_module = bool(IMPORTED.search(text)) and not REBOUND.search(text)

    def transform(self, node: Any, results: dict[str, Any]) -> Any:
        """What takes the place of `node`; None to leave it."""
        if not self.is_the_module or "#" in prefixes(node):
            return None  # a comment between the arguments would be lost
        if "constant" in results:
            name = results["constant"][0]
            name.replace(Name(CONSTANTS[name.value], prefix=name.prefix))
            return None
        arguments = self.separate(results["arguments"])
        if arguments is None:
            return None
        if "join" in results:
            separator = arguments[1] if len(arguments) > 1 else String("' '")
            called = self.method(separator, "join")
            arguments = arguments[:1]
        elif (function := results["function"][0].value) in BUILTINS:
            called = [Name(BUILTINS[function])]
        else:
            called = self.method(arguments[0], function)
            arguments = arguments[1:]
        rest = [each.clone() for each in results["rest"]]
        given = [part for each in arguments for part in (Comma(), each)][1:]
        for position, part in enumerate(given):
            part.prefix = " " if position and position % 2 == 0 else ""
        new = Node(self.syms.power, [*called, ArgList(given), *rest])
        new.prefix = node.prefix
        return new

    def separate(self, arguments: Any) -> list[Any] | None:
        """Copies of the arguments of a call; None if they have names or stars."""
        several = arguments.type == self.syms.arglist
        found = [
            each.clone()
            for each in (arguments.children if several else [arguments])
            if each.type != token.COMMA
        ]
        if any(each.type == self.syms.argument for each in found):
            return None
        return found

    def method(self, thing: Any, name: str) -> list[Any]:
        """`thing.name`, with parentheses if it needs them."""
        thing.prefix = ""
        plain = thing.type in (token.NAME, token.STRING, self.syms.atom, self.syms.power)
        if thing.type == self.syms.power and "**" in str(thing):
            plain = False
        return [
            thing if plain else parenthesize(thing),
            Node(self.syms.trailer, [Dot(), Name(name)]),
        ]
