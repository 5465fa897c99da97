"""medusa's default_handler: files by GET and HEAD, from any object with a filesystem's methods."""

from __future__ import annotations

import re
from posixpath import splitext
from typing import Any
from urllib.parse import quote, unquote

from servers.filesystem import Forbidden, IsFolder, NotFound, OpenFile, Unavailable
from servers.http.content_types import TYPES
from servers.http.dates import parse_date
from servers.http.status import METHODS
from servers.medusa import counter, filesys, http_date, http_server, producers
from servers.medusa.http_server import get_header, get_header_match
from servers.producers import FileSlice

__all__ = [
    "CONTENT_TYPE",
    "IF_MODIFIED_SINCE",
    "USER_AGENT",
    "counter",
    "default_handler",
    "filesys",
    "get_extension",
    "get_header",
    "get_header_match",
    "http_date",
    "http_server",
    "producers",
    "unquote",
]

IF_MODIFIED_SINCE = re.compile(
    "If-Modified-Since: ([^;]+)((; length=([0-9]+)$)|$)", re.IGNORECASE
)
USER_AGENT = re.compile("User-Agent: (.*)", re.IGNORECASE)
CONTENT_TYPE = re.compile(
    r"Content-Type: ([^;]+)((; boundary=([A-Za-z0-9'()+_,./:=?-]+)$)|$)", re.IGNORECASE
)


class default_handler:
    """Serves the files of `filesystem`; matches everything, so install it first."""

    valid_commands = ("GET", "HEAD")
    IDENT = "Default HTTP Request Handler"
    directory_defaults = ("index.html", "default.html")
    default_file_producer: Any = producers.file_producer

    def __init__(self, filesystem: Any) -> None:
        self.filesystem = filesystem
        self.hit_counter = counter.counter()
        self.file_counter = counter.counter()
        self.cache_counter = counter.counter()

    def __repr__(self) -> str:
        return f"<{self.IDENT} ({self.hit_counter} hits) at {id(self):x}>"

    def match(self, request: Any) -> Any:
        """Everything is ours."""
        return 1

    def handle_request(self, request: Any) -> None:
        """Send a file, a redirect, or the reason why not."""
        if request.method not in METHODS or request.command not in self.valid_commands:
            self._refuse_method(request)
            return
        self.hit_counter.increment()
        path = (request.split_uri()[0] or "").lstrip("/")
        try:
            if self._send_at_once(request, path):
                return
            is_folder = self.filesystem.isdir(path)
            exists = is_folder or self.filesystem.isfile(path)
        except IsFolder:
            is_folder = exists = True
        except NotFound:
            exists = False
        if not exists:
            request.error(404)
        elif is_folder:
            self._send_folder(request, path)
        else:
            self._send(request, path)

    def _send_folder(self, request: Any, path: str) -> None:
        if path and not path.endswith("/"):
            self._redirect(request, path)
            return
        for name in self.directory_defaults:
            try:
                if self._send_at_once(request, path + name):
                    return
            except (NotFound, IsFolder):
                continue
            if self.filesystem.isfile(path + name):
                self._send(request, path + name)
                return
        request.error(404)

    def _refuse_method(self, request: Any) -> None:
        if request.method not in METHODS:
            request.error(501)
        else:
            request["Allow"] = ", ".join(each.upper() for each in self.valid_commands)
            request.error(405)

    def _redirect(self, request: Any, path: str) -> None:
        # Relative: neither the port nor the name that the client knows us by can get lost.
        query = request.split_uri()[2] or ""
        request["Location"] = f"/{quote(path, errors='surrogateescape')}/{query}"
        request.error(301)

    def _send_at_once(self, request: Any, path: str) -> bool:
        """Send a file without asking for it step by step; True if that was possible.

        Raises NotFound and IsFolder, if that is what it would come to.
        """
        if not (
            isinstance(self.filesystem, filesys.os_filesystem)
            and self.filesystem.is_plain()
            and self.default_file_producer is producers.file_producer
        ):
            return False
        try:
            file = self.filesystem.open_regular(path)
        except (Forbidden, Unavailable):
            return False
        length, mtime = file.status.st_size, file.mtime
        try:
            is_known = self._is_known(request, length, mtime)
            date = file.notes.get("Last-Modified")
            if date is None:
                date = file.notes["Last-Modified"] = http_date.build_http_date(mtime)
        except BaseException:
            file.close()
            raise
        if is_known:
            file.close()
            self._send_not_modified(request)
            return True
        self._send_file(request, path, file, length, date)
        return True

    def _send(self, request: Any, path: str) -> None:
        status = self.filesystem.stat(path)
        length, mtime = status[6], int(status[8])  # stat_result, or the tuple it once was
        if self._is_known(request, length, mtime):
            self._send_not_modified(request)
            return
        try:
            file = self.filesystem.open(path, "rb")
        except OSError:
            request.error(404)
            return
        self._send_file(request, path, file, length, http_date.build_http_date(mtime))

    def _send_not_modified(self, request: Any) -> None:
        request.reply_code = 304
        request.done()
        self.cache_counter.increment()

    def _send_file(self, request: Any, path: str, file: Any, length: int, date: object) -> None:
        try:
            request["Last-Modified"] = date
            request["Content-Length"] = length
            self.set_content_type(path, request)
        except BaseException:  # of a handler's own; an OpenFile does not close itself
            file.close()
            raise
        if request.method == "GET":
            content = file.content if type(file) is OpenFile else None
            request.push(self._producer(file, length) if content is None else content)
        else:
            file.close()
        self.file_counter.increment()
        request.done()

    def _is_known(self, request: Any, length: int, mtime: int) -> bool:
        field = request.get_header("If-Modified-Since")
        if field is None or request.get_header("If-None-Match") is not None:
            return False
        date, _, parameter = field.partition(";")
        since = parse_date(date.strip())
        claimed = parameter.strip().lower().removeprefix("length=")
        # As text: int() refuses what has thousands of digits, and knows digits that are none here.
        is_number = claimed.isascii() and claimed.isdigit()
        if is_number and claimed.lstrip("0") != str(length).lstrip("0"):
            return False
        return since is not None and mtime <= since

    def _producer(self, file: Any, length: int) -> Any:
        if self.default_file_producer is producers.file_producer and _has_descriptor(file):
            return FileSlice(file, 0, length)  # the engine sends it by sendfile()
        return type(self).default_file_producer(file)

    def set_content_type(self, path: str, request: Any) -> None:
        """Set Content-Type by the name; to be overridden."""
        request["Content-Type"] = TYPES.get(f".{get_extension(path)}".lower(), "text/plain")

    def status(self) -> Any:
        """A producer of HTML about this handler."""
        return producers.simple_producer(
            f"<li>{self.IDENT}<ul><li><b>Total Hits:</b> {self.hit_counter}"
            f"<li><b>Files Delivered:</b> {self.file_counter}"
            f"<li><b>Cache Hits:</b> {self.cache_counter}</ul>\r\n"
        )


def get_extension(path: str) -> str:
    """What stands behind the last dot of the name, "" if nothing does."""
    return splitext(path)[1][1:]


def _has_descriptor(file: Any) -> bool:
    try:
        return bool(file.fileno() >= 0)
    except (AttributeError, OSError):
        return False
