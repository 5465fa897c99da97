"""The command `lifetime`: which subcommand was asked for, and how it refuses.

A subcommand is a file with two functions, `add_arguments(parser)` and `run(options)`, and a line
in `COMMANDS`. Bad input ends in one sentence on standard error and exit status 2, never in a
traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from servers import __version__, serve
from servers.options import BadInput

#: The exit status of a command that was asked for something that cannot be done.
BAD_INPUT = 2

#: The exit status of a command that Ctrl-C ended before it had begun: 128 and SIGINT's number.
INTERRUPTED = 130

COMMANDS: dict[str, ModuleType] = {"serve": serve}


class Parser(argparse.ArgumentParser):
    """argparse's parser, which refuses in one line."""

    def error(self, message: str) -> NoReturn:
        """Print one sentence and exit with status 2."""
        refuse(f"{self.prog}: {message} (see {self.prog} --help)")
        raise SystemExit(BAD_INPUT)


def refuse(sentence: str) -> None:
    """Say on standard error, in one line, why not; say nothing if there is none."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(" ".join(sentence.splitlines()), file=sys.stderr, flush=True)


def make_parser() -> Parser:
    """The parser of the whole command, one subparser for each of `COMMANDS`."""
    parser = Parser(
        prog="lifetime", description="Servers that shut down in phases.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        module.add_arguments(command)
        command.set_defaults(run=module.run, parser=command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    arguments: those after the command's name; None takes them from `sys.argv`.
    Raises SystemExit for --help and for arguments that argparse refuses.
    """
    fill_standard_descriptors()
    try:
        options, unknown = make_parser().parse_known_args(arguments)
        if unknown:  # said by the subcommand, whose --help is the one that helps
            options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        status: int = options.run(options)
    except BadInput as refusal:
        refuse(f"{options.parser.prog}: {refusal}")
        return BAD_INPUT
    except KeyboardInterrupt:  # while a handler was being made; a server that serves handles it
        return INTERRUPTED
    finally:
        flush_standard_output()
    return status


def fill_standard_descriptors() -> None:
    """Open /dev/null in place of descriptors 0, 1 and 2 that are closed.

    The next socket would get the free number, and whoever writes to "standard error" would write
    to a client.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one


def flush_standard_output() -> None:
    """Let go of what standard output does not take, or Python would end with a complaint."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
