"""ZServer's ZServerPublisher: what a worker thread does with one request."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Any

import lifetime as lifetime_module

log = logging.getLogger("servers")


def publish(module: Any, request: Any, response: Any) -> None:
    """Answer a request by what `module` stands for.

    module: something that is called with (request, response), or the name of a module for
        ZPublisher, if that is installed.
    SystemExit asks for an orderly shutdown, as a restart button does.
    """
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


def close_body(request: Any) -> None:
    """Give back the file that held the body."""
    stdin = getattr(request, "stdin", None)
    if stdin is not None:
        stdin.close()


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
