"""ZServer's FTPResponse: what a publishing thread answers an FTP command with."""

from __future__ import annotations

import io
import marshal
from collections.abc import Callable
from typing import Any

from servers.medusa.producers import encoded
from servers.zserver.HTTPResponse import ZServerHTTPResponse
from servers.zserver.Wakeup import Wakeup


class CallbackPipe:
    """Gathers an answer; `callback(*args, response)` is called with it, in the main loop."""

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._callback = callback
        self._args = args

    def close(self) -> None:
        """Nothing is open."""

    def finish(self, response: Any) -> None:
        """The answer is complete."""
        Wakeup(lambda: self._callback(*self._args, response))


class FTPResponse(ZServerHTTPResponse):
    """An answer whose body stays here."""

    def write(self, data: str | bytes) -> None:
        """Add a piece to the body."""
        self.body = encoded(self.body) + encoded(data)

    def outputBody(self) -> None:
        """The body stays here: the command takes it."""

    @property
    def content(self) -> bytes:
        """The body, as bytes; a producer's is gathered."""
        if not hasattr(self.body, "more"):
            return encoded(self.body)
        gathered = io.BytesIO()
        while piece := encoded(self.body.more()):
            gathered.write(piece)
        return gathered.getvalue()

    def _marshalledBody(self) -> Any:
        """What the application has marshalled into the body.  Raises ValueError if it has not."""
        try:
            return marshal.loads(self.content)
        except (EOFError, TypeError) as error:
            raise ValueError(f"the answer is not marshalled: {error}") from error


def make_response(channel: Any, callback: Callable[..., object], *args: Any) -> FTPResponse:
    """A response for a command of `channel`; `callback(*args, response)` goes on with it."""
    response = FTPResponse(CallbackPipe(callback, args))
    response.setHeader("content-type", "text/plain")
    return response
