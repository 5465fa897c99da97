"""The subcommands that argparse reads: finds the module, runs it, and says why not in one line."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn

from servers import __version__
from servers.command.options import BadInput

#: The exit status of a command that was asked for something that cannot be done.
BAD_INPUT = 2

#: The exit status of a command that Ctrl-C ended before it had begun: 128 and SIGINT's number.
INTERRUPTED = 130


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


def make_parser(
    asked_for: str, commands: Mapping[str, str], others: Mapping[str, str]
) -> Parser:
    """The parser of the whole command; only the subcommand that is asked for is imported.

    commands: summary of each subcommand; others: summaries of what is read elsewhere.
    """
    parser = Parser(
        prog="lifetime", description="Servers that shut down in phases.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for name, summary in commands.items():
        command = subparsers.add_parser(
            name, help=summary, description=summary, allow_abbrev=False
        )
        if name == asked_for:
            module = import_module(f"servers.command.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run, parser=command)
    for name, summary in others.items():
        subparsers.add_parser(name, help=summary)
    return parser


def run(
    words: Sequence[str], commands: Mapping[str, str], others: Mapping[str, str]
) -> int:
    """Read the command's arguments and run the subcommand; returns the exit status.

    Raises SystemExit for --help and for arguments that argparse refuses.
    """
    # Options before the subcommand end the command by themselves (--help, --version).
    asked_for = next((word for word in words if not word.startswith("-")), "")
    parser: argparse.ArgumentParser | None = None
    try:
        options, unknown = make_parser(asked_for, commands, others).parse_known_args(words)
        parser = options.parser
        if unknown:  # said by the subcommand, whose --help is the one that helps
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        status: int = options.run(options)
    except BadInput as refusal:
        refuse(f"{parser.prog if parser else 'lifetime'}: {refusal}")
        return BAD_INPUT
    except KeyboardInterrupt:  # while a handler was being made; a server that serves handles it
        return INTERRUPTED
    return status
