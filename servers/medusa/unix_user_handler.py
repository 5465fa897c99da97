"""medusa's unix_user_handler: `/~user/` is a folder in that user's home."""

from __future__ import annotations

import os
import pwd
import re
from typing import Any

from servers.medusa import default_handler, filesys, producers

user_dir = re.compile("/~([^/]+)(.*)")

#: Users whose folders are remembered, at most.
REMEMBERED = 256


class unix_user_handler(default_handler.default_handler):
    """Serves `public_html` of every user's home."""

    IDENT = "Unix User Directory Handler"

    def __init__(self, public_html: str = "public_html") -> None:
        super().__init__(None)
        self.public_html = public_html
        self.fs_cache: dict[str, Any] = {}

    def match(self, request: Any) -> Any:
        """Whether somebody's folder is meant."""
        return 1 if user_dir.match(request.uri) else 0

    def handle_request(self, request: Any) -> None:
        """Send a file of the user's."""
        match = user_dir.match(request.uri)
        filesystem = None if match is None else self._filesystem_of(match[1])
        if match is None or filesystem is None:
            request.error(404)
            return
        if not match[2]:  # what is relative in the page would be looked up in the wrong place
            request["Location"] = f"/~{match[1]}/"
            request.error(301)
            return
        request.uri = match[2]
        inner = default_handler.default_handler(filesystem)
        inner.directory_defaults = self.directory_defaults
        inner.handle_request(request)

    def _filesystem_of(self, user: str) -> Any:
        if user not in self.fs_cache:
            try:
                home = pwd.getpwnam(user).pw_dir
            except (KeyError, ValueError):
                return None
            folder = os.path.join(home, self.public_html)
            if not os.path.isdir(folder):
                return None
            if len(self.fs_cache) >= REMEMBERED:
                self.fs_cache.clear()
            self.fs_cache[user] = filesys.unix_filesystem(folder)
        return self.fs_cache[user]

    def status(self) -> Any:
        """A producer of HTML about this handler."""
        return producers.simple_producer(f"<li>{self.IDENT}, {len(self.fs_cache)} users\r\n")
