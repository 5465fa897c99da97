"""Who may log in, and where: pyftpdlib's table of users, with a comparison that tells nothing."""

from __future__ import annotations

import hmac
import os
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.exceptions import AuthenticationFailed


class Authorizer(DummyAuthorizer):  # type: ignore[misc]
    """A table of users, filled by `add_user(name, password, folder, perm=...)`.

    perm: letters; "elr" lets a user see and fetch, "elradfmw" do everything with files.
    """

    def validate_authentication(self, username: str, password: str, handler: Any) -> None:
        """Raises AuthenticationFailed, in the same words and time for user and password."""
        known = self.has_user(username)
        expected = self.user_table[username]["pwd"] if known else ""
        if known and username == "anonymous":
            return
        given = password.encode("utf-8", "surrogateescape")
        same = hmac.compare_digest(given, expected.encode("utf-8", "surrogateescape"))
        if not (known and same):
            raise AuthenticationFailed("Authentication failed.")


def anonymous(folder: str | os.PathLike[str]) -> Authorizer:
    """Everybody may see and fetch what is below `folder`, as user `anonymous`.

    Raises ValueError if there is no such folder.
    """
    authorizer = Authorizer()
    authorizer.add_anonymous(os.fspath(folder))
    return authorizer
