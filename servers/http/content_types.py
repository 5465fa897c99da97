"""The Content-Type of a file, by its name.

The same on every machine and with every Python: neither /etc/mime.types nor the standard
library's changes from release to release have a say for the types that matter on the web.
"""

from __future__ import annotations

import os.path
from mimetypes import MimeTypes

UNKNOWN = "application/octet-stream"

# What Python 3.10 lacks, or calls otherwise than the registry does today.  A compressed file is
# what it is, for instance application/gzip: its coding is not a Content-Encoding that browsers
# should take off when they save it.
OURS = {
    ".7z": "application/x-7z-compressed",
    ".avif": "image/avif",
    ".bz2": "application/x-bzip2",
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript",
    ".jsonld": "application/ld+json",
    ".log": "text/plain",
    ".m4a": "audio/mp4",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".rst": "text/x-rst",
    ".rtf": "application/rtf",
    ".tgz": "application/gzip",
    ".toml": "application/toml",
    ".ttf": "font/ttf",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
    ".xz": "application/x-xz",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zst": "application/zstd",
}
# An instance of our own holds the built-in types only, not the system's.
TYPES = MimeTypes().types_map[True] | OURS


def content_type(path: str) -> str:
    """For instance `text/html; charset=utf-8` for "/a/b.html"; text is taken for UTF-8."""
    name = TYPES.get(os.path.splitext(path)[1].lower(), UNKNOWN)
    return f"{name}; charset=utf-8" if name.startswith("text/") else name
