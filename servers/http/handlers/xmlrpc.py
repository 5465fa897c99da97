"""XML-RPC: methods that clients call with a POST."""

from __future__ import annotations

import logging
import xmlrpc.client
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from servers.http.errors import ClientError

if TYPE_CHECKING:
    from servers.http.request import Request

log = logging.getLogger("servers")


def read_call(body: bytes) -> tuple[tuple[Any, ...], str]:
    """Parameters and method name of a call.  Raises ClientError 400 for anything else.

    Parsed with defusedxml, for the standard library's parser may be made to eat all memory by a
    few lines.  Raises ImportError if that is not installed.
    """
    parser = safe_parser()
    unmarshaller = xmlrpc.client.Unmarshaller(use_builtin_types=False)
    try:
        reader = parser(unmarshaller)
        reader.feed(body)
        reader.close()
        params, method = unmarshaller.close(), unmarshaller.getmethodname()
    except Exception:  # the parser has many, and each only says that this is no call
        raise ClientError(400, "the body is no XML-RPC call") from None
    if method is None:
        raise ClientError(400, "the body is no XML-RPC call")
    return tuple(params), method


def safe_parser() -> Any:
    """The class that parses calls.  Raises ImportError with one sentence if it is not installed."""
    try:
        return import_module("defusedxml.xmlrpc").DefusedExpatParser
    except ModuleNotFoundError:
        raise ImportError(
            "XML-RPC needs defusedxml: pip install 'lifetime-servers[xmlrpc]'"
        ) from None


class XMLRPC:
    """Answers calls to paths that begin with `prefix`.

    functions: by name; or override `call(method, params)`.
    limit: bytes of a call; more is answered with 413.
    An exception of a function becomes a Fault, with the text `type:value`.
    Raises ImportError with one sentence if the extra `xmlrpc` is not installed.
    """

    def __new__(cls, *args: Any, **settings: Any) -> Any:
        """Look for what calls are parsed with, before the first comes.

        Not in the constructor: old handlers have their own, and do not call this one's.  Nor for
        those who read the body in their own way.
        """
        if cls.continue_request is XMLRPC.continue_request:
            safe_parser()
        return super().__new__(cls)

    def __init__(
        self,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        prefix: str = "/RPC2",
        limit: int = 1024**2,
    ) -> None:
        self.functions = functions or {}
        self.prefix = prefix
        self.limit = limit

    def match(self, request: Request) -> bool:
        """Whether the path is below our prefix."""
        return request.path.startswith(self.prefix)

    def handle_request(self, request: Request) -> None:
        """Read the call and answer it."""
        if request.method != "POST":
            request["Allow"] = "POST"
            request.error(405)
        elif request.head.length is None and not request.head.chunked:
            request.error(411)
        else:
            request.read_body(lambda body: self.continue_request(body, request), self.limit)

    def continue_request(self, data: bytes, request: Request) -> None:
        """The body is here: call, and answer."""
        params, method = read_call(data)
        try:
            result = self.call(method, params)
            if not isinstance(result, tuple):
                result = (result,)
        except xmlrpc.client.Fault as fault:
            answer = xmlrpc.client.dumps(fault)
        except Exception as error:
            log.info("the XML-RPC method %r failed: %s", method, error)
            answer = xmlrpc.client.dumps(xmlrpc.client.Fault(1, f"{type(error)}:{error}"))
        else:
            answer = xmlrpc.client.dumps(result, methodresponse=True)
        request["Content-Type"] = "text/xml"
        request.push(answer)
        request.done()

    def call(self, method: str, params: tuple[Any, ...]) -> Any:
        """The result of one call.  Raises what is to become a Fault."""
        try:
            function = self.functions[method]
        except KeyError:
            raise xmlrpc.client.Fault(1, f"there is no method {method!r}") from None
        return function(*params)
