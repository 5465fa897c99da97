"""Amendment: the well-formed head that a forgiven one stands for.

Nothing is judged here but folds: the grammar has looked at every line before, and judges the
outcome as if it had been sent.

Source: RFC 9112, sections 3.2 and 5.2; RFC 9110, section 5.5; RFC 3986, section 2.1.
"""

import re
from typing import NamedTuple

from servers.http import grammar
from servers.http.errors import ClientError

RAW = re.compile(rb"[\x80-\xff]")
FOLD = re.compile(rb"\r\n[\t ]+")

# A peer that knows no folding sees a field of its own in the second line of one, and another value
# in the first; one that strips blanks sees the end of the head in an empty second line.
DANGEROUS_FOLD = re.compile(
    rb"\n(?:%b)[\t ]*:[^\n]*\n[\t ]|\n[\t ]+(?:(?:%b)[\t ]*:|\r)"
    % (grammar.DECISIVE_NAMES, grammar.DECISIVE_NAMES),
    re.IGNORECASE,
)


class Amended(NamedTuple):
    """head: well-formed, if everything that was wrong with it is what we mend.

    fragment: what was cut off the target, with its "#"; "" if there was none.
    """

    head: bytes
    fragment: str


def amend(head: bytes) -> Amended:
    """Mend a head.

    head: one whose lines have passed grammar.check_lines(), without empty lines before it.
    Raises ClientError 400 for a fold that others could read in another way.
    """
    line, _, fields = head.partition(b"\r\n")
    method, target, version = line.split(b" ")
    target, mark, fragment = target.partition(b"#")
    target = RAW.sub(_escaped, target)
    fields = b"\r\n" + fields.translate(grammar.CONTROLS_TO_BLANKS)
    if DANGEROUS_FOLD.search(fields):
        raise ClientError(400, "a folded field could be read in more than one way")
    fields = FOLD.sub(b" ", fields)
    return Amended(
        b"%b %b %b%b" % (method, target, version, fields),
        RAW.sub(_escaped, mark + fragment).decode("ascii"),
    )


def _escaped(byte: "re.Match[bytes]") -> bytes:
    return b"%%%02X" % ord(byte[0])
