"""medusa's auth_handler: `BasicAuth` under its old name."""

from __future__ import annotations

import re
from typing import Any

from servers.http.handlers.auth import BasicAuth, PasswordTable, read_credentials
from servers.medusa import counter, default_handler, http_server, producers

__all__ = [
    "AUTHORIZATION",
    "auth_handler",
    "counter",
    "default_handler",
    "dictionary_authorizer",
    "get_header",
    "http_server",
    "producers",
]

get_header = http_server.get_header

AUTHORIZATION = re.compile("Authorization: ([^ ]+) (.*)", re.IGNORECASE)


class dictionary_authorizer:
    """Passwords by name."""

    def __init__(self, dict: dict[str, str]) -> None:
        self.dict = dict
        self._table = PasswordTable(dict)

    def authorize(self, auth_info: Any) -> bool:
        """Whether [user, password] is right."""
        user, password = auth_info
        return self._table(user, password)


class auth_handler(BasicAuth):
    """Basic authentication around a handler: `(dict, handler, realm)` or `(handler, realm)`.

    `request.auth_info` is [user, password] for the inner handler.
    """

    def __init__(self, dict: Any, handler: Any, realm: str = "default") -> None:
        if hasattr(dict, "handle_request"):  # one old branch has it the other way
            dict, handler, realm = {}, dict, handler
        self.authorizer: Any = dictionary_authorizer(dict)
        super().__init__(lambda user, pw: self.authorizer.authorize([user, pw]), handler, realm)
        self.pass_count = counter.counter()
        self.fail_count = counter.counter()

    def match(self, request: Any) -> object:
        """What the inner handler wants is ours."""
        return self.handler.match(request)

    def handle_request(self, request: Any) -> None:
        """Let it pass, or ask for credentials."""
        credentials = read_credentials(_field_of(request))
        if credentials is None or not self.check(*credentials):
            self.refuse(request)
        else:
            self.let_pass(request, *credentials)

    def let_pass(self, request: Any, user: str, password: str) -> None:
        """Give the request to the inner handler."""
        self.pass_count.increment()
        request.auth_info = [user, password]
        # By its name: every request comes by, and super() takes its time up to Python 3.11.
        BasicAuth.let_pass(self, request, user, password)

    def refuse(self, request: Any) -> None:
        """Ask for credentials, unless what came is none at all."""
        field = _field_of(request)
        if field.lower().startswith("basic ") and not _is_base64(field[6:]):
            self.fail_count.increment()
            request.error(400)
        else:
            self.handle_unauthorized(request)

    def handle_unauthorized(self, request: Any) -> None:
        """Answer 401, and count it; to be overridden, by what may count for itself."""
        self.fail_count.increment()
        super().refuse(request)

    def status(self) -> Any:
        """A producer of HTML about this handler."""
        text = f"<li>Authorization Extension: {self.pass_count} passed, {self.fail_count} failed"
        inner = [self.handler.status()] if hasattr(self.handler, "status") else []
        return producers.composite_producer([producers.simple_producer(text + "<ul>"), *inner])


def _field_of(request: Any) -> str:
    """The Authorization field; there are stand-ins for requests that have no more than `header`."""
    if hasattr(request, "get_header"):
        return request.get_header("Authorization") or ""
    match = http_server.get_header_match(AUTHORIZATION, request.header)
    return f"{match[1]} {match[2]}" if match else ""


def _is_base64(text: str) -> bool:
    return text.strip().rstrip("=").replace("+", "").replace("/", "").isalnum()
