"""Ask for a name and a password before another handler gets the request."""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servers.http.request import Request

#: So many fields of different clients are remembered, as they were read.
REMEMBERED = 256

Check = Callable[[str, str], object]


class BasicAuth:
    """Basic authentication (RFC 7617) around a handler.

    users: passwords by name, or `check(name, password)`, true for those who may pass.
    handler: gets what has passed, with `request.user` set; it also says what matches.
    realm: what the client shows to its user.
    The password travels nearly in the open: serve this over TLS.
    """

    def __init__(
        self, users: Mapping[str, str] | Check, handler: Any, realm: str = "default"
    ) -> None:
        self.check: Check = users if callable(users) else PasswordTable(users)
        self.handler = handler
        self.realm = realm

    def match(self, request: Request) -> object:
        """What the inner handler wants is ours."""
        return self.handler.match(request)

    def handle_request(self, request: Request) -> None:
        """Let it pass, or ask for credentials."""
        credentials = read_credentials(request.get_header("Authorization"))
        if credentials is None or not self.check(*credentials):
            self.refuse(request)
        else:
            self.let_pass(request, *credentials)

    def let_pass(self, request: Any, user: str, password: str) -> None:
        """Give the request to the inner handler."""
        request.user = user
        self.handler.handle_request(request)

    def refuse(self, request: Request) -> None:
        """Answer 401; the connection goes on, for the next request may have credentials."""
        realm = self.realm.replace("\\", "\\\\").replace('"', '\\"')
        request["WWW-Authenticate"] = f'Basic realm="{realm}"'
        request.error(401)


class PasswordTable:
    """Passwords by name; how long a comparison takes tells nothing about them."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.passwords = passwords

    def __call__(self, user: str, password: str) -> bool:
        """Whether this is the user's password."""
        known = self.passwords.get(user)
        sought = _comparable("" if known is None else known)
        return hmac.compare_digest(sought, _comparable(password)) and known is not None


def read_credentials(field: str | None) -> tuple[str, str] | None:
    """Name and password of an Authorization field; None if there are none to be read.

    Source: RFC 7617, section 2: the name ends at the first colon, the password may have more.
    """
    return _read_field(field) if field else None


@lru_cache(maxsize=REMEMBERED)
def _read_field(field: str) -> tuple[str, str] | None:
    # Clients say it again with each request, and the heads they say it in are remembered as well.
    scheme, _, token = field.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = binascii.a2b_base64(token.strip(" "))
    except ValueError:  # also for text that is not ASCII
        return None
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    user, colon, password = text.partition(":")
    return (user, password) if colon else None


def _comparable(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
