"""`raise "busy", who` is `raise RuntimeError("busy", who)`: Python 3 raises exceptions only.

Who catches it by the string has to catch RuntimeError; that is said, for nobody else can know.
"""

from __future__ import annotations

from typing import Any

from fissix import fixer_base
from fissix.fixer_util import ArgList, Attr, Comma, Leaf, Name, Node, is_tuple
from fissix.pgen2 import token


class FixStringExceptions(fixer_base.BaseFix):  # type: ignore[misc]
    """Wraps a string that is raised."""

    BM_compatible = True
    run_order = 4  # before the converter's own, which gives up on strings
    PATTERN = "raise_stmt< 'raise' string=any [',' value=any [',' traceback=any]] >"

    def transform(self, node: Any, results: dict[str, Any]) -> Any:
        """What takes the place of `node`; None if it raises no string."""
        if next(results["string"].leaves()).type != token.STRING:
            return None
        string = results["string"].clone()
        string.prefix = ""
        given = [string]
        if value := results.get("value"):
            parts = value.children[1:-1] if is_tuple(value) else [value]
            given += [Comma(), *(each.clone() for each in parts)]
            given[2].prefix = " "
        raised = [Name("RuntimeError", prefix=" "), ArgList(given)]
        if traceback := results.get("traceback"):
            argument = traceback.clone()
            argument.prefix = ""
            call = Node(self.syms.power, raised)
            raised = [*Attr(call, Name("with_traceback")), ArgList([argument])]
        raising = [Leaf(token.NAME, "raise"), Node(self.syms.power, raised)]
        return Node(self.syms.raise_stmt, raising, prefix=node.prefix)
