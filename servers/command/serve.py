"""Serve a folder over HTTP, and stop in phases."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import ssl
import sys
from functools import partial

import lifetime
from lifetime import console
from lifetime.console.sources.systemd import Systemd
from servers.command import budget
from servers.command import options as values
from servers.command.console import furnish, open_console
from servers.command.error_log import ErrorLog, is_no_veto
from servers.command.options import BadInput
from servers.command.progress import Progress
from servers.command.serve_arguments import HOST, PORT, add_arguments
from servers.command.sockets import Succession
from servers.frontends import FrontEnds
from servers.frontends.agent import AgentCheck
from servers.frontends.health import Health, HealthListener
from servers.frontends.proxies import Proxies
from servers.http import HTTPListener
from servers.http.handlers import Files
from servers.http.limits import Limits
from servers.icp import ICPListener
from servers.loggers import FileLogger
from servers.networks import LOOPBACK, Networks

__all__ = ["add_arguments", "run"]

log = logging.getLogger("servers")

#: Seconds for which phase 1 waits for front ends, unless --withdraw says otherwise: one that asks
#: seldom would hold it for all its patience, and a container is killed 30 s behind the request.
WITHDRAW_MAXIMUM = 10.0


def run(options: argparse.Namespace) -> int:
    """Serve until asked to stop; returns the exit status.

    Raises BadInput for what cannot be served as asked.
    """
    limits = _limits(options.limit)
    _check_health(options)
    _check_icp(options)
    options.withdraw = _withdraw(options)
    patience = _patience(options)
    stop_limits = _stop_limits(options)
    host, port = _where(options)
    tls = _tls(options)
    proxies = _proxies(options)
    handlers = [Files(options.folder, listing=options.list)]
    handlers += [values.make_handler(name) for name in options.handler]
    error_log = _error_log(options)
    access_log = _access_log(options)
    _check_budget(patience, limits, stop_limits)
    with _succession(options) as succession:
        sock = succession.any_socket() if _is_nowhere(options) else None
        try:
            listener = _listen(host, port, options.unix, limits, tls, access_log, proxies, sock)
        except BadInput as error:
            raise BadInput(f"{error}{succession.unclaimed()}") from error
        for handler in handlers:
            listener.install_handler(handler)
        front_ends = _tell_front_ends(options, listener)

        life = lifetime.default()
        life.on_reopen(error_log.reopen)
        if access_log is not None:
            life.on_reopen(access_log.reopen)
        furnish(console.default(), listener)
        if proxies is not None:
            console.default().on_display(proxies.section)
        systemd = Systemd(new_main=succession.takes_over)
        sentence = "" if options.quiet else f"serving {options.folder} at {listener.url}"
        succession.settle(
            life,
            # Said from inside the loop: whoever reads the line may at once send a request, or a
            # signal.
            serving=partial(_announce, sentence, systemd),
            # Until then the console is the predecessor's.
            alone=partial(_open_console, options.console),
            on_change=partial(_served_elsewhere, front_ends, systemd),
        )
        with _progress(options, life, error_log):
            return lifetime.run(
                patience=options.patience,
                deadline=options.deadline,
                withdraw=options.withdraw,
                report=options.report,
            )


def _succession(options: argparse.Namespace) -> Succession:
    if options.ready_within is None:
        return Succession(options.takeover)
    if options.takeover is None:
        raise BadInput(
            "--ready-within is of no use to a server that nobody can take over; give"
            " --takeover NAME"
        )
    return Succession(options.takeover, options.ready_within)


def _check_health(options: argparse.Namespace) -> None:
    if options.draining_status and not options.health and options.health_listen is None:
        raise BadInput(
            "--draining-status is of no use without health endpoints; give --health, or"
            " --health-listen PORT"
        )


def _check_icp(options: argparse.Namespace) -> None:
    if options.icp_peers is not None and options.icp is None:
        raise BadInput("--icp-peers is of no use to a server that no cache asks; give --icp PORT")
    if options.icp_peers is not None and options.icp_peers.unix:
        raise BadInput("--icp-peers: no cache asks over a Unix socket; leave 'unix' away")


def _asked_by_front_ends(options: argparse.Namespace) -> bool:
    addresses = (options.health_listen, options.agent_check, options.icp)
    return options.health or any(address is not None for address in addresses)


def _withdraw(options: argparse.Namespace) -> tuple[float, float | None]:
    """The minimum and the maximum of phase 1."""
    minimum, maximum = options.withdraw
    if maximum is None and _asked_by_front_ends(options):
        maximum = max(minimum, WITHDRAW_MAXIMUM)
    return minimum, maximum


def _tell_front_ends(options: argparse.Namespace, listener: HTTPListener) -> FrontEnds | None:
    """Open whatever front ends are to ask; nothing, if nobody is."""
    if not _asked_by_front_ends(options):
        return None
    front_ends = FrontEnds(listener.lifetime)
    console.default().on_display(front_ends.section)
    health = Health(front_ends, draining_status=options.draining_status or 503)
    if options.health:
        listener.install_handler(health)
    try:
        if options.health_listen is not None:
            where = "--health-listen"
            log.info("health endpoints at %s", _health_listener(health, options.health_listen).url)
        if options.agent_check is not None:
            where = "--agent-check"
            log.info("HAProxy's agent checks: %s", AgentCheck(front_ends, options.agent_check))
        if options.icp is not None:
            where = "--icp"
            peers = options.icp_peers or Networks(LOOPBACK)
            neighbour = ICPListener(options.icp, peers=peers, front_ends=front_ends)
            log.info("%s answers %s", neighbour.shutdown_name, peers)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{where}: cannot listen on {reason}; choose another address") from error
    return front_ends


def _health_listener(health: Health, where: tuple[str, int] | str) -> HealthListener:
    if isinstance(where, str):
        return HealthListener(health, unix=where)
    return HealthListener(health, *where)


def _open_console(names: list[str]) -> None:
    try:
        open_console(console.default(), names)
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


def _served_elsewhere(front_ends: FrontEnds | None, systemd: Systemd, so_it_is: bool) -> None:
    """Whoever has taken over answers front ends at our addresses, and speaks to systemd."""
    if front_ends is not None:
        front_ends.served_elsewhere = so_it_is
    systemd.handed_over(so_it_is)


def _is_nowhere(options: argparse.Namespace) -> bool:
    """Whether it was not said where to listen."""
    return options.host is None and options.port is None and options.unix is None


def _announce(sentence: str, systemd: Systemd) -> None:
    systemd.open(console.default())
    if not sentence:
        return
    with contextlib.suppress(OSError):  # nobody reads it: no reason not to serve
        print(sentence, flush=True)


def _limits(settings: list[str]) -> Limits:
    try:
        return Limits.from_settings(settings)
    except ValueError as error:
        raise BadInput(f"--limit: {error}") from error


def _patience(options: argparse.Namespace) -> lifetime.Patience:
    minimum, maximum = options.withdraw
    try:
        return lifetime.Patience(
            phase=options.patience,
            deadline=options.deadline,
            withdraw_minimum=minimum,
            withdraw_maximum=maximum,
        )
    except ValueError as error:
        raise BadInput(f"--patience, --withdraw and --deadline disagree: {error}") from error


def _stop_limits(options: argparse.Namespace) -> dict[str, float]:
    try:
        return budget.limits_from(options.stop_limit, os.environ)
    except ValueError as error:
        raise BadInput(f"--stop-limit: {error}") from error


def _check_budget(
    patience: lifetime.Patience, limits: Limits, stop_limits: dict[str, float]
) -> None:
    """Warn if whoever starts us will not wait for our stop."""
    need = budget.Need(
        patience.withdraw_minimum, patience.phase, limits.linger_time, patience.deadline
    )
    for sentence in budget.warnings(need, stop_limits):
        log.warning("%s", sentence)


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


def _proxies(options: argparse.Namespace) -> Proxies | None:
    try:
        return None if options.proxy_protocol is None else Proxies(options.proxy_protocol)
    except ValueError as error:
        raise BadInput(f"--proxy-protocol: {error}") from error


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
    proxies: Proxies | None,
    sock: socket.socket | None,
) -> HTTPListener:
    try:
        return HTTPListener(
            host,
            port,
            unix=unix,
            sock=sock,
            limits=limits,
            access_log=access_log,
            tls=tls,
            proxies=proxies,
        )
    except (OSError, UnicodeError) as error:
        sentence = values.why_not_listening(error, host, port, unix)
        raise BadInput(sentence) from error
