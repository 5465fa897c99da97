"""What a request is about: the forms a request target may have, and their parts.

Source: RFC 9112, section 3.2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from servers.http import grammar
from servers.http.errors import ClientError

REMEMBERED = 256  # clients ask for the same things again and again


class Target(NamedTuple):
    """What a request is about.

    path: percent-decoded once, as UTF-8 with surrogateescape; it may contain "/../", "//" and NUL.
        "*" if the server itself is meant, "" for CONNECT.
    query: as sent, without the question mark.
    authority: host[:port], where the target has one; it overrides Host.
    """

    path: str
    query: str
    authority: str | None


@lru_cache(maxsize=REMEMBERED)
def split_target(target: str, method: str) -> Target:
    """Read a request target in any of the forms of RFC 9112, section 3.2.

    Raises ClientError 400 if the form does not exist, or does not go with the method.
    """
    if method == "CONNECT":
        return Target("", "", _read_authority_form(target))
    if "#" in target:
        raise ClientError(400, "the request target contains a fragment")
    if target == "*":
        if method != "OPTIONS":
            raise ClientError(400, "only OPTIONS may ask for *")
        return Target("*", "", None)
    authority = None
    if not target.startswith("/"):
        authority, target = _read_absolute_form(target, method)
    path, _, query = target.partition("?")
    # unquote() leaves a bad escape as it is.
    return Target(unquote(path, errors="surrogateescape"), query, authority)


def _read_authority_form(target: str) -> str:
    authority = grammar.read_authority(target.encode("utf-8", "surrogatepass"))
    host, _, port = authority.rpartition(":")
    if not host or not port.isdigit():
        raise ClientError(400, "CONNECT wants a host and a port")
    return authority


def _read_absolute_form(target: str, method: str) -> tuple[str, str]:
    """Cut http://authority/path?query in two, before the path."""
    scheme, colon, rest = target.partition("://")
    if not colon or scheme.lower() not in ("http", "https"):
        raise ClientError(400, "the request target is neither a path nor an http URI")
    end = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    authority = grammar.read_authority(rest[:end].encode("utf-8", "surrogatepass"))
    path = rest[end:]
    if not path and method == "OPTIONS":
        return authority, "*"  # RFC 9112, section 3.2.4
    return authority, path if path.startswith("/") else "/" + path
