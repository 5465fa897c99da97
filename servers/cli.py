"""The command `lifetime`: which subcommand was asked for, and how it refuses.

A subcommand is a file with two functions, `add_arguments(parser)` and `run(options)`, and a line
in `COMMANDS`. Bad input ends in one sentence on standard error and exit status 2, never in a
traceback.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from servers import serve
from servers.options import BadInput

#: The exit status of a command that was asked for something that cannot be done.
BAD_INPUT = 2

COMMANDS: dict[str, ModuleType] = {"serve": serve}


class Parser(argparse.ArgumentParser):
    """argparse's parser, which refuses in one line."""

    def error(self, message: str) -> NoReturn:
        """Print one sentence and exit with status 2."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def make_parser() -> Parser:
    """The parser of the whole command, one subparser for each of `COMMANDS`."""
    parser = Parser(
        prog="lifetime", description="Servers that shut down in phases.", allow_abbrev=False
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(
            name, help=summary, description=summary, allow_abbrev=False
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run, parser=command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    arguments: those after the command's name; None takes them from `sys.argv`.
    Raises SystemExit for --help and for arguments that argparse refuses.
    """
    options, unknown = make_parser().parse_known_args(arguments)
    if unknown:  # said by the subcommand, whose --help is the one that helps
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        status: int = options.run(options)
    except BadInput as refusal:
        print(f"{options.parser.prog}: {refusal}", file=sys.stderr)
        return BAD_INPUT
    return status
