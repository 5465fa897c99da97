"""What `lifetime serve` is told on the command line."""

from __future__ import annotations

import argparse
from dataclasses import fields

from servers.command import options as values
from servers.frontends.health import DRAINING_STATUSES
from servers.http.limits import Limits
from servers.succession.handover import READY_WITHIN

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
    where.add_argument(
        "--takeover",
        metavar="NAME",
        help="serve in the place of whoever serves under that name, without refusing anybody, and"
        " be the one who can be taken over",
    )
    where.add_argument(
        "--ready-within",
        metavar="SECONDS",
        type=values.seconds,
        help=f"how long whoever takes over may take until it is ready ({READY_WITHIN:g})",
    )
    where.add_argument(
        "--proxy-protocol",
        metavar="NETWORK[,NETWORK]",
        help="want a PROXY header of front ends there, which says for whom they have connected,"
        " such as 10.0.0.0/8,::1; unix stands for whoever comes over a Unix socket",
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
        help="how long to go on serving while front ends look elsewhere, in seconds (0, or 0:10 if"
        " they ask us)",
    )
    stop.add_argument(
        "--stop-limit",
        metavar="NAME=TIME",
        action="append",
        default=[],
        help="what whoever starts us leaves for a stop, such as TimeoutStopSec=90s,"
        " terminationGracePeriodSeconds=30 or hard-stop-after=1m; we warn if it is too short"
        " (repeatable; or as environment variables, such as TIMEOUT_STOP_SEC)",
    )
    stop.add_argument(
        "--report",
        metavar="FILE.json",
        type=values.output_file,
        help="write there what happened during the stop",
    )

    front = parser.add_argument_group("what to tell front ends")
    front.add_argument(
        "--health",
        action="store_true",
        help="answer /livez, /readyz, /healthz and /startupz, before all handlers",
    )
    front.add_argument(
        "--health-listen",
        metavar="[HOST:]PORT|PATH",
        type=values.address_or_path,
        help="answer them on a listener of their own, to the very end of a stop; a path with a"
        " slash is that of a Unix socket",
    )
    front.add_argument(
        "--draining-status",
        metavar="STATUS",
        type=int,
        choices=DRAINING_STATUSES,
        help="what /readyz and /healthz answer during a stop: 503, 404 or 500 (503)",
    )
    front.add_argument(
        "--agent-check",
        metavar="[HOST:]PORT",
        type=values.address,
        help="answer HAProxy's agent checks there, to the very end of a stop",
    )
    front.add_argument(
        "--icp",
        metavar="[HOST:]PORT",
        type=values.address,
        help="answer the ICP queries of caches there, such as Squid; in a stop they go elsewhere",
    )
    front.add_argument(
        "--icp-peers",
        metavar="NETWORK[,NETWORK]",
        type=values.networks,
        help="which caches are answered, such as 10.0.0.0/8,::1 (those on this machine)",
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
