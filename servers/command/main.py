"""The command `lifetime`: which subcommand was asked for, and how it refuses.

A subcommand is a module here with two functions, `add_arguments(parser)` and `run(options)`, and a
line in `COMMANDS`.  It is imported only when it is asked for, and argparse with it
(subcommands.py): the operator's verbs are to start in the time of the interpreter.  Bad input ends
in one sentence on standard error and exit status 2, never in a traceback.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False  # importing `typing` takes as long as everything an operator's verb does
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: What each subcommand does, for --help; its module has its name.
COMMANDS = {
    "serve": "Serve a folder over HTTP, and stop in phases.",
    "check": "Check dispatchers, or any real server: what does a stop lose?",
    "port": "Say what an old program needs to run here, and do what a tool can.",
}

#: What an operator may ask of a server that has a console: lifetime/console/client.py.
OPERATOR = {
    "stop": "Stop a server that has a console (short: p).",
    "modify": "Tell it something while it runs (short: f).",
    "display": "Show where it stands, and who holds it (short: d).",
    "watch": "Show its messages until it ends.",
}
SHORT = ("p", "f", "d")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    arguments: those after the command's name; None takes them from `sys.argv`.
    Raises SystemExit for --help and for arguments that argparse refuses.
    """
    fill_standard_descriptors()
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if words and (words[0] in OPERATOR or words[0] in SHORT):
            status: int = operators_end().main(words)
        else:
            status = import_module("servers.command.subcommands").run(words, COMMANDS, OPERATOR)
    finally:
        flush_standard_output()
    return status


def operators_end() -> Any:
    """The module `lifetime.console.client`, without the packages around it.

    Importing those takes five times as long as the interpreter itself.
    """
    packages = os.path.abspath(__file__).rsplit(os.sep, 3)[0]
    path = os.path.join(packages, "lifetime", "console", "client.py")
    loader = SourceFileLoader("client", path)
    module = type(sys)(loader.name)
    loader.exec_module(module)
    return module


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
