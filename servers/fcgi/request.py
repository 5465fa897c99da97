"""FCGIRequest: a request as the handlers of HTTP know it, and what CGI says besides."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from servers.http.request import Request


class FCGIRequest(Request):
    """One request that a web server has passed on.

    environ: the parameters of CGI as the web server gave them, as text like that of `os.environ`;
        for instance SCRIPT_NAME, REMOTE_USER, HTTPS, and those of its own configuration.
    body_sent: bytes of the answer's body that were put into records.
    """

    environ: Mapping[str, str] = MappingProxyType({})
    body_sent = 0
