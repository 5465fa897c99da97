"""ZServer's WebDAVSrcHandler: a port where GET gives the source, for WebDAV clients."""

from __future__ import annotations

from typing import Any

from servers.zserver.HTTPServer import ask_for_source, zhttp_handler


class WebDAVSrcHandler(zhttp_handler):
    """Publishes the source: `manage_DAVget` of what is asked for."""

    def get_environment(self, request: Any) -> dict[str, Any]:
        """The CGI environment, with WEBDAV_SOURCE_PORT set."""
        env = super().get_environment(request)
        if "WEBDAV_SOURCE_PORT" not in env:  # the client may have been known as one already
            ask_for_source(env)
        return env
