"""medusa's virtual_handler: `VirtualHost` under its old names."""

from __future__ import annotations

import re

from servers.http.handlers.virtual_host import VirtualHost
from servers.medusa import default_handler
from servers.medusa.http_server import get_header

__all__ = ["HOST", "default_handler", "get_header", "virtual_handler", "virtual_handler_with_host"]

HOST = re.compile("Host: ([^:/]+).*", re.IGNORECASE)


class virtual_handler_with_host(VirtualHost):
    """Matches what is asked of `hostname`."""


#: The original compared the client's address with the host's, a slip.
virtual_handler = virtual_handler_with_host
