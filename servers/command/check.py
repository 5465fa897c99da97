"""Check dispatchers, or any real server: what does a stop lose?"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, TextIO

from lifetime.testing import NeverReached
from lifetime.testing.live import CannotRun, check_command
from lifetime.testing.live.table import Line, plain
from servers.command import options as values
from servers.command.check_factory import add_factory_arguments, check_factory, lines
from servers.command.options import BadInput

#: The exit status when a law is broken.
BROKEN = 1

#: The exit status of a check that Ctrl-C ended: 128 and SIGINT's number.
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `lifetime check`."""
    add_factory_arguments(parser)
    add_live_arguments(parser)
    parser.add_argument(
        "--seed",
        type=values.whole,
        help="draw the same again (0 for dispatchers; for a server another each time)",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        type=values.log_file,
        help="write the verdict there, - for standard output",
    )


def add_live_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments that say which real server to check, and how."""
    live = parser.add_argument_group("a real server, any server")
    live.add_argument(
        "--command",
        metavar="COMMAND",
        dest="server_command",
        help="starts it in the foreground; {port} and {host} in it are replaced",
    )
    live.add_argument(
        "--url",
        metavar="PATH",
        action="append",
        help="what everybody asks for; best one that is answered at once (repeatable; /)",
    )
    live.add_argument(
        "--slow-url",
        metavar="PATH",
        help="takes a second or so, for requests in flight (the slowest --url)",
    )
    live.add_argument(
        "--large-url", metavar="PATH", help="answers several megabytes, for slow readers"
    )
    live.add_argument("--upload-url", metavar="PATH", help="takes a POST, for slow uploads")
    live.add_argument(
        "--signal", metavar="NAME", default="TERM", help="what asks it to stop (%(default)s)"
    )
    live.add_argument(
        "--grace",
        metavar="SECONDS",
        type=values.seconds,
        default=10.0,
        help="how long it may take to be gone after the signal (%(default)g)",
    )
    live.add_argument(
        "--ready",
        metavar="SECONDS",
        type=values.seconds,
        default=20.0,
        help="how long it may take to answer after its start (%(default)g)",
    )
    live.add_argument(
        "--runs",
        metavar="N",
        type=values.whole,
        default=5,
        help="how often it is stopped under load, besides idle, busy and twice (%(default)s)",
    )
    live.add_argument(
        "--status",
        metavar="N",
        type=values.exit_status,
        action="append",
        help="an exit status that means an orderly end (repeatable; 0)",
    )


def run(options: argparse.Namespace) -> int:
    """Check what was named; returns the exit status.

    Raises BadInput for what cannot be checked.
    """
    if (options.factory is None) == (options.server_command is None):
        raise BadInput(
            "name what to check: either package.module:factory, which builds dispatchers, "
            "or --command, which starts a server"
        )
    return check_live(options) if options.factory is None else check_simulated(options)


def check_simulated(options: argparse.Namespace) -> int:
    """Check what a factory builds, in simulated worlds."""
    try:
        verdict = check_factory(options)
    except NeverReached as missing:
        print(f"lifetime check: {missing}", file=sys.stderr)
        return BROKEN
    except KeyboardInterrupt:
        print("lifetime check: interrupted", file=sys.stderr)
        return INTERRUPTED
    report(list(lines(verdict, options.coverage)), verdict.as_json(), options.json)
    return 0 if verdict.ok else BROKEN


def check_live(options: argparse.Namespace) -> int:
    """Check a real server."""
    try:
        with terminated_like_interrupted(), counting() as progress:
            verdict = check_command(
                options.server_command,
                url=options.url or "/",
                slow_url=options.slow_url,
                large_url=options.large_url,
                upload_url=options.upload_url,
                signal=options.signal,
                grace=options.grace,
                ready=options.ready,
                runs=options.runs,
                seed=options.seed,
                statuses=options.status or (0,),
                progress=progress,
            )
    except CannotRun as error:
        for line in error.lines:
            print(f"  | {line}", file=sys.stderr)
        raise BadInput(str(error)) from error
    except KeyboardInterrupt:
        print("lifetime check: interrupted; the server's processes were killed", file=sys.stderr)
        return INTERRUPTED
    report(verdict.lines(), verdict.as_json(), options.json)
    return 0 if verdict.ok else BROKEN


def report(verdict: Sequence[Line], details: dict[str, Any], target: str | None) -> None:
    """Print the verdict, and write the details as JSON to `target`.

    target: a file, or - for standard output, which then has nothing else.
    Raises BadInput if the file cannot be written.
    """
    with contextlib.suppress(OSError):  # nobody reads it: the exit status says enough
        show(verdict, sys.stderr if target == "-" else sys.stdout)
    if target is None:
        return
    text = json.dumps(details, indent=1) + "\n"
    if target == "-":
        print(text, end="")
        return
    try:
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(
            f"--json {target!r} cannot be written: {error.strerror}; name another file"
        ) from error


STYLES = {"good": "green", "bad": "bold red", "doubt": "yellow", "strong": "bold", "faint": "dim"}


def show(lines: Sequence[Line], stream: TextIO) -> None:
    """Print lines, coloured where `stream` is a terminal and rich is installed."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        coloured = False
    else:
        coloured = stream.isatty()
    if not coloured:
        print(plain(lines), file=stream, flush=True)
        return
    console = Console(file=stream, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*((text, STYLES.get(tone, "")) for text, tone in line)))


@contextlib.contextmanager
def counting() -> Iterator[Callable[[int, int, str], None] | None]:
    """On a terminal, a line that says how far the check is; it goes when the block ends."""
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield None
        return

    def tell(over: int, of: int, scene: str) -> None:
        print(f"\r\033[Kstop {over + 1} of {of}: {scene}", end="", file=stream, flush=True)

    try:
        yield tell
    finally:
        print("\r\033[K", end="", file=stream, flush=True)


@contextlib.contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """TERM and HUP end the check as Ctrl-C does: the server it has started must not outlive it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # Windows has no HUP; there the check refuses, in its own words.
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
