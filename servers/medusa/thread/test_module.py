"""medusa's test_module: a script that shows what it was given."""

from __future__ import annotations

from html import escape
from typing import Any


def main(env: dict[str, str], stdin: Any, stdout: Any) -> None:
    """Write the environment, and how long the body is, as a page."""
    stdout.write("Content-Type: text/html\r\n\r\n")
    stdout.write("<html><title>Test CGI Module</title>\r\n<h1>Environment</h1>\r\n<dl>\r\n")
    for name in sorted(env):
        stdout.write(f"<dt>{escape(name)}<dd>{escape(env[name])}\r\n")
    stdout.write(f"</dl>\r\n<h1>Input</h1>\r\n<p>{len(stdin.read())} bytes\r\n</html>\r\n")
