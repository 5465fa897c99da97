"""Who may log in to medusa's ftp_server, and what they see."""

from __future__ import annotations

import os
import pwd
from typing import Any

from servers.ftp.unix_passwords import UnixPasswords
from servers.medusa import filesys


class dummy_authorizer:
    """Everybody may look at everything below `root`."""

    def __init__(self, root: str = "/") -> None:
        self.root = root

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        """(success, message, filesystem)."""
        channel.persona = (-1, -1)
        channel.read_only = 1
        return 1, "Ok.", filesys.os_filesystem(self.root)


class anon_authorizer(dummy_authorizer):
    """Users `ftp` and `anonymous` may look at everything below `root`."""

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        """(success, message, filesystem)."""
        if username in ("ftp", "anonymous"):
            return super().authorize(channel, username, password)
        return 0, "Password invalid.", None


class unix_authorizer:
    """Users of the system may do what they may, from their home on; the server must be root."""

    def __init__(self) -> None:
        self.passwords = UnixPasswords()

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        """(success, message, filesystem)."""
        if not self.passwords.check(username, password):
            return 0, "Password invalid.", None
        user = pwd.getpwnam(username)
        channel.persona = (user.pw_uid, user.pw_gid)
        channel.read_only = 0
        home = user.pw_dir if os.path.isdir(user.pw_dir) else "/"
        return 1, "Login successful.", self.filesystem_of(home, channel.persona)

    def filesystem_of(self, home: str, persona: tuple[int, int]) -> Any:
        """All files, seen as that user, who begins at home."""
        return filesys.schizophrenic_unix_filesystem("/", home, persona=persona)


class unix_authorizer_with_anonymous(unix_authorizer):
    """The same, and `ftp` and `anonymous` may look below `root`; real_users: the others too."""

    def __init__(self, root: str | None = None, real_users: Any = 0) -> None:
        self.root = root
        self.real_users = real_users
        if real_users:
            super().__init__()

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        """(success, message, filesystem)."""
        if username in ("ftp", "anonymous"):
            root = self.root or pwd.getpwnam("ftp").pw_dir
            return dummy_authorizer(root).authorize(channel, username, password)
        if self.real_users:
            return super().authorize(channel, username, password)
        return 0, "Password invalid.", None
