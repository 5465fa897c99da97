"""Serve a folder over HTTP, and stop in phases."""

from __future__ import annotations

import argparse
import contextlib
import logging
import ssl
import sys
from dataclasses import fields

import lifetime
from lifetime import console
from servers import options as values
from servers.console import open_console
from servers.error_log import ErrorLog, is_no_veto
from servers.http import HTTPListener
from servers.http.handlers import Files
from servers.http.limits import Limits
from servers.loggers import FileLogger
from servers.options import BadInput
from servers.progress import Progress

HOST = "127.0.0.1"
PORT = 8080


class ListLimits(argparse.Action):
    """`--limit name=value` adds one; `--limit help` prints them all with their defaults."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if values == "help":
            for limit in fields(Limits):
                print(f"{limit.name}={limit.default}")
            parser.exit()
        namespace.limit = [*namespace.limit, values]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `lifetime serve`."""
    parser.add_argument("folder", metavar="DIR", type=values.folder, help="the folder to serve")
    parser.add_argument("--list", action="store_true", help="list folders that have no index.html")
    parser.add_argument(
        "--handler",
        metavar="MODULE:FACTORY",
        action="append",
        default=[],
        help="call FACTORY of MODULE and ask the handler it makes before the folder (repeatable;"
        " the last one is asked first)",
    )

    where = parser.add_argument_group("where to listen")
    # Without a default, so that we can tell whether they were given.
    where.add_argument("--host", help=f"address or name ({HOST})")
    where.add_argument("--port", type=values.port, help=f"0 for any free one ({PORT})")
    where.add_argument(
        "--unix",
        metavar="PATH",
        type=values.unix_socket,
        help="a Unix socket, instead of host and port",
    )
    where.add_argument("--tls-cert", metavar="FILE", help="serve HTTPS with this PEM certificate")
    where.add_argument("--tls-key", metavar="FILE", help="its key, unless the certificate holds it")

    stop = parser.add_argument_group("how to stop")
    stop.add_argument(
        "--patience",
        metavar="SECONDS",
        type=values.seconds,
        default=30.0,
        help="how long one phase waits for whoever holds it (%(default)g)",
    )
    stop.add_argument(
        "--deadline",
        metavar="SECONDS",
        type=values.seconds,
        help="how long all phases together may last (no limit but patience)",
    )
    stop.add_argument(
        "--withdraw",
        metavar="MIN[:MAX]",
        type=values.span,
        default=(0.0, None),
        help="how long to go on serving while front ends look elsewhere, in seconds (0)",
    )
    stop.add_argument(
        "--report",
        metavar="FILE.json",
        type=values.output_file,
        help="write there what happened during the stop",
    )

    logs = parser.add_argument_group("what to say")
    logs.add_argument(
        "--access-log",
        metavar="FILE",
        type=values.log_file,
        help="one line for each request, - for standard output (none)",
    )
    logs.add_argument(
        "--error-log",
        metavar="FILE",
        type=values.log_file,
        help="the server's own messages (standard error)",
    )
    logs.add_argument("--quiet", action="store_true", help="say nothing but warnings and errors")

    parser.add_argument(
        "--console",
        metavar="NAME",
        action="append",
        default=[],
        help="let operators stop, modify and display it by that name; a path with a slash works"
        " too, - is this terminal (repeatable)",
    )
    parser.add_argument(
        "--limit",
        metavar="NAME=VALUE",
        action=ListLimits,
        default=[],
        help="change a limit (repeatable); --limit help lists them all",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until asked to stop; returns the exit status.

    Raises BadInput for what cannot be served as asked.
    """
    limits = _limits(options.limit)
    _check_patience(options)
    host, port = _where(options)
    tls = _tls(options)
    handlers = [Files(options.folder, listing=options.list)]
    handlers += [values.make_handler(name) for name in options.handler]
    error_log = _error_log(options)
    access_log = _access_log(options)
    listener = _listen(host, port, options.unix, limits, tls, access_log)
    for handler in handlers:
        listener.install_handler(handler)

    life = lifetime.default()
    life.on_reopen(error_log.reopen)
    if access_log is not None:
        life.on_reopen(access_log.reopen)
    if not options.quiet:
        # Said from inside the loop: whoever reads the line may at once send a request, or a signal.
        life.call_later(0, _announce, f"serving {options.folder} at {listener.url}")
    _open_console(options.console, listener)
    with _progress(options, life, error_log):
        return lifetime.run(
            patience=options.patience,
            deadline=options.deadline,
            withdraw=options.withdraw,
            report=options.report,
        )


def _open_console(names: list[str], listener: HTTPListener) -> None:
    try:
        open_console(console.default(), names, listener)
    except OSError as error:
        raise BadInput(f"--console: {error.strerror or error}") from error


def _progress(
    options: argparse.Namespace, life: lifetime.Lifetime, error_log: ErrorLog
) -> contextlib.AbstractContextManager[object]:
    """On a terminal, who is waited for; then the log need not say it there as well."""
    if options.quiet or sys.stderr is None or not sys.stderr.isatty():
        return contextlib.nullcontext()
    if error_log.is_standard_error:
        error_log.handler.addFilter(is_no_veto)
    return Progress(life)


def _announce(sentence: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it: no reason not to serve
        print(sentence, flush=True)


def _limits(settings: list[str]) -> Limits:
    try:
        return Limits.from_settings(settings)
    except ValueError as error:
        raise BadInput(f"--limit: {error}") from error


def _check_patience(options: argparse.Namespace) -> None:
    minimum, maximum = options.withdraw
    try:
        lifetime.Patience(
            phase=options.patience,
            deadline=options.deadline,
            withdraw_minimum=minimum,
            withdraw_maximum=maximum,
        )
    except ValueError as error:
        raise BadInput(f"--patience, --withdraw and --deadline disagree: {error}") from error


def _where(options: argparse.Namespace) -> tuple[str, int]:
    """Host and port to listen on, unless it is a Unix socket."""
    given = [name for name in ("host", "port") if getattr(options, name) is not None]
    if options.unix is not None and given:
        raise BadInput(f"--unix {options.unix!r} takes the place of --{given[0]}; give one of them")
    if options.host == "":
        raise BadInput("--host '' is no address; give 0.0.0.0 or :: for every address")
    return options.host or HOST, PORT if options.port is None else options.port


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.tls_cert is not None:
        return values.tls_context(options.tls_cert, options.tls_key)
    if options.tls_key is not None:
        raise BadInput("--tls-key is of no use without --tls-cert; give both")
    return None


def _error_log(options: argparse.Namespace) -> ErrorLog:
    try:
        return ErrorLog(options.error_log, logging.WARNING if options.quiet else logging.INFO)
    except OSError as error:
        raise BadInput(_why_not_written("--error-log", options.error_log, error)) from error


def _access_log(options: argparse.Namespace) -> FileLogger | None:
    try:
        return None if options.access_log is None else FileLogger(options.access_log)
    except OSError as error:
        raise BadInput(_why_not_written("--access-log", options.access_log, error)) from error


def _why_not_written(option: str, target: str, error: OSError) -> str:
    return f"{option} {target!r} cannot be written: {error.strerror}; name another file"


def _listen(
    host: str,
    port: int,
    unix: str | None,
    limits: Limits,
    tls: ssl.SSLContext | None,
    access_log: FileLogger | None,
) -> HTTPListener:
    try:
        return HTTPListener(
            host,
            port,
            unix=unix,
            limits=limits,
            access_log=access_log,
            tls=tls,
        )
    except (OSError, UnicodeError) as error:
        sentence = values.why_not_listening(error, host, port, unix)
        raise BadInput(sentence) from error
