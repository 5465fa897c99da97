"""Which content codings will the client take?  Pure.  Source: RFC 9110, section 12.5.3."""

from __future__ import annotations

import re
from functools import lru_cache

CODINGS = ("br", "gzip")  # ours, the smaller result first

# token [ OWS ";" OWS "q=" qvalue ]; see sections 5.6.2 and 12.4.2
PREFERENCE = re.compile(
    r"([!#$%&'*+.^_`|~0-9a-z-]+)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?\Z",
    re.ASCII | re.IGNORECASE,
)
ALIASES = {"x-gzip": "gzip"}  # section 8.4.1.3


# Browsers send a handful of different fields, all day long.
@lru_cache(maxsize=64)
def codings(accept_encoding: str) -> tuple[str, ...]:
    """Our codings that the client takes at least as gladly as the bare file, best first.

    An element that does not parse is passed over.  Of equals, the one we list first is better.
    A client that refuses the bare file as well gets it all the same, if there is nothing else.
    """
    quality: dict[str, float] = {}
    for element in accept_encoding.split(","):
        if preference := PREFERENCE.match(element.strip(" \t")):
            name = preference[1].lower()
            quality[ALIASES.get(name, name)] = float(preference[2] or 1)
    others = quality.get("*", 0.0)
    # Unless it is named, the bare file is acceptable, but nobody's first choice.
    bare = quality.get("identity", 0.0)
    wanted = {name: quality.get(name, others) for name in CODINGS}
    best_first = sorted(CODINGS, key=lambda name: -wanted[name])
    return tuple(name for name in best_first if wanted[name] and wanted[name] >= bare)
