"""ZServer's ZServerPublisher: what a worker thread does with one request."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

import lifetime as lifetime_module

log = logging.getLogger("servers")


def publish(module: Any, request: Any, response: Any) -> None:
    """Answer a request by what `module` stands for.

    module: something that is called with (request, response), or the name of a module for
        ZPublisher, if that is installed.
    request: a mapping if `module` is a WSGI application; `response` is start_response then.
    SystemExit asks for an orderly shutdown, as a restart button does.
    """
    if isinstance(request, dict):
        publish_wsgi(module, request, response)
        return
    try:
        result = application_of(module)(request, response)
        if result is not None:
            response.setBody(result)
    except SystemExit as error:
        lifetime_module.shutdown(error.code if isinstance(error.code, int) else 0)
    except Exception as error:
        log.error("publishing %r failed: %s", module, error, exc_info=error)
        response.exception()
    try:
        response.finish()
    finally:
        close_body(request)


def publish_wsgi(module: Any, environ: dict[str, Any], start_response: Any) -> None:
    """Answer a request by a WSGI application, or by ZPublisher's if `module` is a name.

    environ: with the key `wsgi.output`, the ChannelPipe that start_response belongs to.
    """
    pipe = environ["wsgi.output"]
    result: Any = ()
    try:
        try:
            result = wsgi_application_of(module)(environ, start_response)
            if isinstance(result, list | tuple):  # it is all there, so its length is known
                pipe.write_piece(b"".join(result), is_last=True)
            else:
                for piece in result:
                    pipe.write_piece(piece)
                    if pipe.closed:  # the client has gone
                        break
            pipe.send_start()  # if there was no piece
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        pipe.close()
    except SystemExit as error:
        lifetime_module.shutdown(error.code if isinstance(error.code, int) else 0)
        with suppress(AssertionError):  # it may have ended before it began to answer
            pipe.send_start()
        pipe.close()
    except Exception as error:
        log.error("publishing %r failed: %s", module, error, exc_info=error)
        pipe.fail()
    finally:
        close_body(environ)


def close_body(request: Any) -> None:
    """Give back the file that held the body."""
    is_wsgi = isinstance(request, dict)
    stdin = request.get("wsgi.input") if is_wsgi else getattr(request, "stdin", None)
    if stdin is not None:
        stdin.close()


class ZServerPublisher:
    """Publishes what `accept()` gives, for ever: the body of a thread of one's own.

    accept: that of a ZRendevous; it raises SystemExit when the pool has been stopped.
    """

    def __init__(self, accept: Callable[[], tuple[Any, Any, Any]]) -> None:
        while True:
            try:
                name, request, response = accept()
            except SystemExit:
                return
            publish(name, request, response)


def wsgi_application_of(module: Any) -> Any:
    """What is called with (environ, start_response).  Raises LookupError with one sentence."""
    if callable(module):
        return module
    try:
        return import_module("ZPublisher.WSGIPublisher").publish_module
    except (ImportError, AttributeError):
        raise LookupError(
            f"{module!r} cannot be published: give zwsgi_handler a WSGI application, "
            "or install ZPublisher"
        ) from None


def application_of(module: Any) -> Any:
    """What is called with (request, response).  Raises LookupError with one sentence."""
    if callable(module):
        return module
    try:
        publish_module = import_module("ZPublisher").publish_module
    except (ImportError, AttributeError):
        known = sys.modules.get(module) if isinstance(module, str) else None
        application = getattr(known, "bobo_application", None)
        if application is None:
            raise LookupError(
                f"{module!r} cannot be published: give zhttp_handler something that is called "
                "with (request, response), or install ZPublisher"
            ) from None
        return application
    return lambda request, response: publish_module(module, request=request, response=response)
