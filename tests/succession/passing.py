"""Start a program as a service manager does: with sockets as descriptors 3, 4, ..."""

from __future__ import annotations

import sys

#: Run in between: the environment must name the process that the program will be.
BETWEEN = """
import fcntl, os, sys
fds, names, *command = sys.argv[1:]
if fds == "none":
    os.closerange(3, 4)
# None of them is to be overwritten before it was copied.
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in fds.split(",") if fd != "none"]
for number, fd in enumerate(high, 3):
    os.dup2(fd, number)
    os.close(fd)
count = len(fds.split(","))
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


def passing(fd: int | list[int] | None, command: list[str], names: str = "") -> list[str]:
    """The command, to which `fd` or several are passed; None: one is announced that is not open."""
    fds = fd if isinstance(fd, list) else [fd]
    numbers = ",".join("none" if each is None else str(each) for each in fds)
    return [sys.executable, "-c", BETWEEN, numbers, names, *command]
