"""Leniency: which malformed requests are taken all the same, each by a name.

The servers that this project descends from took nearly everything.  What they took and no client
can mean harm with may be had back here; nothing that decides where a request ends ever is.  A
request that is forgiven is read as the well-formed one it stands for, so that the strict grammar
has the last word.
"""

from dataclasses import dataclass, fields
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Leniency:
    """One switch for each rule that may be relaxed; all are off by default.

    The sections are those of RFC 9112, unless another document is named.
    """

    # "#" and what follows it in the target: no part of what is asked (3.2).
    fragments: bool = False
    # Bytes beyond ASCII in the target: read as their percent-encoding (3.2).
    raw_targets: bool = False
    # HTTP/1.1 without Host: the request has no host, as in HTTP/1.0 (3.2).
    missing_host: bool = False
    # A field that goes on in the next line: joined by one blank (5.2).  Never in or before a field
    # that decides how a request is read.
    folded_lines: bool = False
    # Controls in a value, but for NUL, CR and LF: read as blanks (RFC 9110, section 5.5).  Never in
    # a field that decides how a request is read.
    control_characters: bool = False
    # Expect with something that we do not know: ignored (RFC 9110, section 10.1.1).
    unknown_expectations: bool = False

    @classmethod
    def from_names(cls, names: str) -> "Leniency":
        """Read names that are joined by commas; "strict" is none of them.

        Raises ValueError with one sentence if one is not known.
        """
        known = [field.name for field in fields(cls)]
        chosen = [name.strip() for name in names.split(",")]
        for name in chosen:
            if name not in known and chosen != ["strict"]:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"they are {', '.join(known)}"
                raise ValueError(f"{name!r} is none of the names of leniency; {hint}")
        return cls(**{name: True for name in chosen if name != "strict"})

    def __bool__(self) -> bool:
        """Whether anything is forgiven."""
        return any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        names = [field.name for field in fields(self) if getattr(self, field.name)]
        return ",".join(names) or "strict"


STRICT = Leniency()
