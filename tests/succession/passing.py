"""Start a program as a service manager does: with a listening socket as descriptor 3."""

from __future__ import annotations

import sys

#: Run in between: the environment must name the process that the program will be.
BETWEEN = """
import os, sys
fd, names, *command = sys.argv[1:]
if fd == "none":
    os.closerange(3, 4)
else:
    os.dup2(int(fd), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


def passing(fd: int | None, command: list[str], names: str = "") -> list[str]:
    """The command, to which `fd` is passed; None: one is announced that is not open."""
    number = "none" if fd is None else str(fd)
    return [sys.executable, "-c", BETWEEN, number, names, *command]
