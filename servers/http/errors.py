"""What goes wrong in a conversation, named by the side that did it."""


class ProtocolError(Exception):
    """Somebody broke the rules of HTTP; the subclass says who."""


class ClientError(ProtocolError):
    """The peer broke the protocol.  Answer with `status`, close, and run nothing more.

    status: 4xx or 5xx, the answer that is due.
    reason: one sentence for the log and the error page.  It never quotes what the client sent,
        so it is safe to print.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


class MisuseError(ProtocolError):
    """We, or a handler, broke the protocol; the message names the object and the way out."""
