"""How answers go out by FastCGI: a CGI response, in records.

The record streams say where an answer ends, so there are no chunks; and the client's connection is
the web server's, so nothing is said about it.

Source: RFC 3875, section 6; FastCGI Specification 1.0, section 6.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servers.fcgi.records import Type, encode_stream
from servers.http.errors import MisuseError
from servers.http.framing import Coding, Frame, declared_length, frame_reply
from servers.producers import Producer, close

if TYPE_CHECKING:
    from servers.fcgi.request import FCGIRequest
    from servers.http.request import Request


def frame_answer(request: Request, length: int | None, persistent: bool) -> Frame:
    """How the answer to a request is framed.

    length: bytes that are known to come, None if a producer decides that.
    persistent: whether the connection goes on; the answer itself never says so.
    Raises MisuseError.
    """
    headers = request.reply_headers
    headers.pop("Connection", None)  # the handler means the client's, which is not ours
    if "Transfer-Encoding" in headers:
        raise MisuseError(f"{request}: FastCGI has no Transfer-Encoding; leave it away")
    if request.reply_code == 204:
        headers.pop("Content-Length", None)  # "MUST NOT send" (RFC 9110, section 8.6)
    declared = declared_length(headers) if "Content-Length" in headers else None
    frame = frame_reply(
        request.head.method, "1.1", request.reply_code, length, declared, persistent=True
    )
    coding = Coding.STREAM if frame.coding is Coding.CHUNKED else frame.coding
    return Frame(coding, persistent, None, frame.length)


class OutputRecords:
    """Wrap a producer: what it gives goes out in records of its request."""

    def __init__(self, producer: Producer, request: FCGIRequest, request_id: int) -> None:
        self.producer = producer
        self.request = request
        self.request_id = request_id

    def more(self) -> bytes:
        """Whole records; b"" when there is nothing left."""
        data: bytes | str = self.producer.more()
        if isinstance(data, str):
            data = data.encode("utf-8")
        self.request.body_sent += len(data)
        return encode_stream(Type.STDOUT, self.request_id, data)

    def close(self) -> None:
        """Release what the inner producer holds."""
        close(self.producer)
