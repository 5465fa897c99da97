"""The page that lists a folder.  Pure: names in, bytes out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from servers.filesystem import Entry, split

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<ul>
{lines}</ul>
</html>
"""


def listing(path: str, entries: Sequence[Entry]) -> bytes:
    """A page with a link to each entry, and to the folder above if there is one.

    Names may hold anything but "/" and NUL: markup, and bytes that are no text, too.
    """
    lines = ['<li><a href="../">../</a>\n'] if split(path) else []
    for name, is_folder in entries:
        slash = "/" if is_folder else ""
        lines.append(f'<li><a href="{quoted(name)}{slash}">{escape(name)}{slash}</a>\n')
    page = PAGE.format(title=escape(path), lines="".join(lines))
    return page.encode("utf-8", "replace")


def quoted(name: str) -> str:
    """One name of a path, as it stands in an address.

    Nothing is safe: a colon could end a scheme, and browsers take a backslash for a slash.
    """
    return quote(name, safe="", errors="surrogateescape")
