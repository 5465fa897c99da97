"""`types.ListType` is `list`, as the converter has it; `types.StringType` it leaves.

In old handlers that asks "text, or a producer?".  Whether the answer is `str`, `bytes` or both
nobody can tell from the name, so it is a finding.
"""

from __future__ import annotations

from typing import Any

from fissix.fixes import fix_types

#: What is text in one program and bytes in another.
TEXT = ("StringType", "StringTypes", "UnicodeType")


class FixOtherTypes(fix_types.FixTypes):  # type: ignore[misc]
    """The converter's own fixer, but for the types of text."""

    def transform(self, node: Any, results: dict[str, Any]) -> Any:
        """What takes the place of `node`; None to leave it."""
        if results["name"].value in TEXT:
            return None
        return super().transform(node, results)
