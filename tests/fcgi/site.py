"""A FastCGI server as a process of its own: `python -m tests.fcgi.site [PATH]`.

Says where it listens in its first line, and stops on SIGTERM.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import lifetime
from servers.fcgi import FCGIListener
from tests.fcgi.pages import Page, echo, hello


def slow(request: Any) -> None:
    """Answer after a second."""
    lifetime.call_later(1.0, hello, request)


def large(request: Any) -> None:
    """Answer with 5 MB."""
    request.push(b"0123456789" * 500_000)
    request.done()


def main() -> int:
    """Serve until a signal comes."""
    unix = sys.argv[1] if sys.argv[1:] else None
    site = FCGIListener(unix=unix)
    for prefix, answer in (("/slow", slow), ("/large", large), ("/echo", echo), ("/", hello)):
        site.install_handler(Page(answer, prefix), back=True)
    place = unix or f"127.0.0.1:{site.port}"
    lifetime.call_soon_threadsafe(partial(print, place, flush=True))
    return lifetime.run()


if __name__ == "__main__":
    sys.exit(main())
