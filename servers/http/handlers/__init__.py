"""Handlers: objects that are asked `match(request)` and then told `handle_request(request)`."""

from servers.http.handlers.files import Files

__all__ = ["Files"]
