"""Serve the files below a folder.

What is asked for is decided before anything is said: open the file (or a compressed sibling),
judge the conditions, then the ranges; only then headers are set.  The rules are elsewhere: paths
in `servers.filesystem`, conditions, ranges and codings in the pure modules of `servers.http`.
Nothing here writes.  A small file comes from memory; a large one is left to the channel, which
sends it by sendfile() where it can.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from servers.file_cache import FileCache
from servers.filesystem import (
    Filesystem,
    FilesystemError,
    Forbidden,
    IsFolder,
    NotFound,
    OpenFile,
    split,
)
from servers.http import ranges
from servers.http.conditions import Verdict, evaluate, range_applies
from servers.http.content_types import content_type
from servers.http.dates import format_date
from servers.http.handlers.listing import listing, quoted
from servers.http.negotiation import codings
from servers.http.status import METHODS
from servers.producers import FileSlice

if TYPE_CHECKING:
    from servers.http.request import Request

ALLOWED = "GET, HEAD, OPTIONS"
# Without one of these the answer is the whole file, and most requests have none.
CONDITIONS = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range"}
)
SUFFIXES = {"br": ".br", "gzip": ".gz"}


class Representation(NamedTuple):
    """All that is said of a file, kept in its notes: 3 us to work out, 0.1 us to look up."""

    size: int
    mtime: int  # whole seconds since 1970
    etag: str
    headers: dict[str, str]  # of a 200; a 206 changes some of them


class Files:
    """A handler that serves the files below `root` where `prefix` begins.

    index: names that stand for a folder, the first that exists.
    listing: list folders that have none of them.
    follow_links: also links that lead out of `root`.
    hidden: also names that begin with a dot; without it only "/.well-known/" below `prefix`.
    precompressed: send `name.br` or `name.gz` in place of `name` to clients who like that, unless
        it is older than `name`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        prefix: str = "/",
        listing: bool = False,
        index: Sequence[str] = ("index.html",),
        follow_links: bool = False,
        precompressed: bool = True,
        hidden: bool = False,
    ) -> None:
        self.filesystem = Filesystem(root, follow_links, hidden)
        self.cache = FileCache(self.filesystem)
        self.prefix = "".join(f"/{name}" for name in split(prefix))  # "" for the whole site
        self._below = f"{self.prefix}/"
        self.lists_folders = listing
        self.index = tuple(index)
        self.precompressed = precompressed

    def match(self, request: Request) -> bool:
        """Ours is the prefix and what lies below it, not what merely begins alike."""
        return request.path.startswith(self._below) or (request.path == self.prefix != "")

    def handle_request(self, request: Request) -> None:
        """Send a file, a listing, a redirect, or the reason why not."""
        if request.method not in ("GET", "HEAD"):
            self._answer_other_method(request)
            return
        path = request.path[len(self.prefix) :]
        try:
            if path.endswith("/"):
                self._send_folder(request, path)
            else:
                self._send_file(request, path)
        except IsFolder:
            self._redirect(request, path)
        except NotFound:
            request.error(404)
        except Forbidden:
            request.error(403)
        except FilesystemError:
            request.error(503)

    # -- what to send --------------------------------------------------------------------------

    def _send_folder(self, request: Request, path: str) -> None:
        for name in self.index:
            try:
                self._send_file(request, path + name)
                return
            except (NotFound, IsFolder):
                pass
        if not self.lists_folders:
            raise NotFound(path)
        self._send_listing(request, path)

    def _send_file(self, request: Request, path: str) -> None:
        file, coding = self._select(request, path)
        try:
            sent = self._answer(request, file, self._representation(path, coding, file))
        except BaseException:
            file.close()
            raise
        if not sent:
            file.close()

    def _select(self, request: Request, path: str) -> tuple[OpenFile, str]:
        """The file, or its best sibling, and the sibling's coding ("" for the file itself)."""
        file = self.cache.open(path)
        accepted = request.get_header("Accept-Encoding") if self.precompressed else None
        if not accepted:
            return file, ""
        for coding in codings(accepted):
            sibling = self._sibling(path + SUFFIXES[coding])
            if sibling is None:
                continue
            # Older in whole seconds: whoever copies a folder may not keep the finer order.
            if sibling.mtime >= file.mtime:
                file.close()
                return sibling, coding
            sibling.close()
        return file, ""

    def _sibling(self, path: str) -> OpenFile | None:
        try:
            return self.cache.open(path) if self.filesystem.may_exist(path) else None
        except FilesystemError:
            return None

    def _representation(self, path: str, coding: str, file: OpenFile) -> Representation:
        noted = file.notes.get(coding)
        if not isinstance(noted, Representation):
            noted = file.notes[coding] = _describe(path, coding, file, self.precompressed)
        return noted

    # -- how to send it ------------------------------------------------------------------------

    def _answer(self, request: Request, file: OpenFile, what: Representation) -> bool:
        """Answer; True if the file went into the answer, and will be closed with it."""
        spans: list[ranges.Span] = []
        if request.head.has_any(CONDITIONS):
            verdict = evaluate(request.method, request.get_header, what.etag, what.mtime)
            if verdict is Verdict.NOT_MODIFIED:
                return self._send_not_modified(request, what)
            if verdict is Verdict.FAILED:
                request.error(412)
                return False
            try:
                spans = _spans(request, what)
            except ranges.Unsatisfiable:
                return self._send_unsatisfiable(request, what)
        # All at once: these names and values are our own, and need no second look.
        request.reply_headers.update(what.headers)
        if len(spans) > 1:
            return _send_spans(request, file, what, spans)
        span = ranges.Span(0, what.size - 1)
        if spans:
            [span] = spans
            request.reply_code = 206
            request["Content-Range"] = ranges.content_range(span, what.size)
            request["Content-Length"] = str(span.length)
        sends = request.method == "GET"
        if sends:
            request.push(_part(file, span))
        request.done()
        return sends

    def _send_not_modified(self, request: Request, what: Representation) -> bool:
        request.reply_code = 304
        # RFC 9110, section 15.4.5: those that a 200 would have had, and that guide a cache.
        request["ETag"] = what.etag
        if self.precompressed:
            request["Vary"] = "Accept-Encoding"
        request.done()
        return False

    def _send_unsatisfiable(self, request: Request, what: Representation) -> bool:
        # Not error(): its page comes without what is said of the file, as it must.
        request.reply_code = 416
        request["Content-Range"] = ranges.content_range(None, what.size)
        request["Content-Length"] = "0"
        request.done()
        return False

    def _send_listing(self, request: Request, path: str) -> None:
        body = listing(request.path, self.filesystem.listdir(path))
        request["Content-Type"] = "text/html; charset=utf-8"
        request["Content-Length"] = str(len(body))
        if request.method == "GET":
            request.push(body)
        request.done()

    def _redirect(self, request: Request, path: str) -> None:
        """Send the client to the folder's own address, so that relative links in it work."""
        # From the names, never from the path as it came: "//host" would be another server.
        names = [quoted(name) for name in split(self.prefix + path)]
        query = f"?{request.query_string}" if request.query_string else ""
        request.reply_code = 301
        request["Location"] = "/".join(["", *names, query])
        request["Content-Length"] = "0"
        request.done()

    def _answer_other_method(self, request: Request) -> None:
        if request.method not in METHODS:
            request.error(501)
            return
        request["Allow"] = ALLOWED
        if request.method == "OPTIONS":
            request.reply_code = 204
            request.done()
        else:
            request.error(405)


def _describe(path: str, coding: str, file: OpenFile, varies: bool) -> Representation:
    status, mtime = file.status, file.mtime
    tag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    etag = f'"{tag}-{coding}"' if coding else f'"{tag}"'
    headers = {
        "Content-Type": content_type(path),
        "Content-Length": str(status.st_size),
        "ETag": etag,
        "Accept-Ranges": "bytes",
    }
    # "An origin server with a clock MUST NOT generate a Last-Modified date that is later than
    # the server's time of message origination": RFC 9110, section 8.8.2.1.
    if mtime <= time.time():
        headers["Last-Modified"] = format_date(mtime)
    if coding:
        headers["Content-Encoding"] = coding
    if varies:
        headers["Vary"] = "Accept-Encoding"
    return Representation(status.st_size, mtime, etag, headers)


def _spans(request: Request, what: Representation) -> list[ranges.Span]:
    """What a GET asks for in its Range field; nothing, if the answer is to be the whole."""
    field = request.get_header("Range") if request.method == "GET" else None
    limit = request.channel.limits.ranges
    if field is None or not limit:
        return []
    if not range_applies(request.get_header("If-Range"), what.etag, what.mtime):
        return []
    return ranges.parse(field, what.size, limit)


def _part(file: OpenFile, span: ranges.Span, closes: bool = True) -> bytes | FileSlice:
    if file.content is None:
        return FileSlice(file, span.first, span.length, closes)
    return file.content[span.first : span.last + 1]  # all of it is no copy


def _send_spans(
    request: Request, file: OpenFile, what: Representation, spans: Sequence[ranges.Span]
) -> bool:
    boundary = secrets.token_hex(16)
    body = ranges.multipart(spans, what.size, what.headers["Content-Type"], boundary)
    request.reply_code = 206
    request["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    request["Content-Length"] = str(body.length)
    for head, span in zip(body.heads, spans, strict=True):
        request.push(head)
        request.push(_part(file, span, closes=span is spans[-1]))
    request.push(body.closing)
    request.done()
    return True
