"""The page that lists a folder.  Pure: names in, bytes out."""

from __future__ import annotations

import time
from html import escape
from urllib.parse import quote

from servers.filesystem import Contents, Entry, split

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<table>
<tr><th>name</th><th>bytes</th><th>changed, UTC</th></tr>
{lines}</table>
{rest}</html>
"""


def listing(path: str, contents: Contents) -> bytes:
    """A page with a link to each entry, and to the folder above if there is one.

    Names may hold anything but "/" and NUL: markup, and bytes that are no text, too.
    """
    lines = ['<tr><td><a href="../">../</a></td></tr>\n'] if split(path) else []
    lines += map(_line, contents.entries)
    rest = f"<p>and {contents.left_out} more, which are not listed</p>\n" * bool(contents.left_out)
    page = PAGE.format(title=escape(path), lines="".join(lines), rest=rest)
    return page.encode("utf-8", "replace")


def _line(entry: Entry) -> str:
    slash, size = ("/", "") if entry.is_folder else ("", f"{entry.size:,}")
    # gmtime() knows no year beyond four digits everywhere, and a file may claim any.
    try:
        changed = time.strftime("%Y-%m-%d %H:%M", time.gmtime(entry.mtime))
    except (OverflowError, ValueError, OSError):
        changed = ""
    return (
        f'<tr><td><a href="{quoted(entry.name)}{slash}">{escape(entry.name)}{slash}</a></td>'
        f'<td align="right">{size}</td><td>{changed}</td></tr>\n'
    )


def quoted(name: str) -> str:
    """One name of a path, as it stands in an address.

    Nothing is safe: a colon could end a scheme, and browsers take a backslash for a slash.
    """
    return quote(name, safe="", errors="surrogateescape")
