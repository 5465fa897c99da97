"""Listening sockets that were there before us: systemd's, or those of whom we take over from.

They wait in a pool until a listener asks for its address; then it listens on the one that is bound
there already instead of binding another.  Whoever connects meanwhile waits in the queue, and nobody
is refused between two processes.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
from collections.abc import Collection, Iterable, MutableMapping

log = logging.getLogger("servers")

#: The first descriptor that a service manager passes.  Source: sd_listen_fds(3).
FIRST = 3

#: More descriptors than this are no plausible number of listeners.
MOST = 253

Address = tuple[str, int] | str


class NotInherited(Exception):
    """What the environment announces is not there; the message is a sentence with the way out."""


class Pool:
    """Sockets that nobody listens on yet, each with a name ("" if it has none)."""

    def __init__(self, sockets: Iterable[tuple[str, socket.socket]] = ()) -> None:
        self._sockets = list(sockets)

    def __len__(self) -> int:
        return len(self._sockets)

    def __contains__(self, sock: socket.socket) -> bool:
        return any(waiting is sock for _, waiting in self._sockets)

    def describe(self, sock: socket.socket) -> str:
        """The name of one that waits here, and where it is bound."""
        [name] = [name for name, waiting in self._sockets if waiting is sock]
        return f"{name or 'without a name'} at {_shown(sock)}"

    def add(self, name: str, sock: socket.socket) -> None:
        """One more."""
        self._sockets.append((name, sock))

    def take(self, address: Address, kind: int = socket.SOCK_STREAM) -> socket.socket | None:
        """The socket that is bound to this address, None if there is none; it is the caller's then.

        address: (host, port) with port 0 for any one of that host, or a path.
        """
        if not self._sockets:
            return None
        wanted = _resolved(address, kind)
        for entry in self._sockets:
            if entry[1].type == kind and _fits(entry[1].getsockname(), wanted):
                self._sockets.remove(entry)
                return entry[1]
        return None

    def take_any(self, kind: int = socket.SOCK_STREAM) -> socket.socket | None:
        """The first one, wherever it is bound; None if there is none."""
        for entry in self._sockets:
            if entry[1].type == kind:
                self._sockets.remove(entry)
                return entry[1]
        return None

    def drop(self, sockets: Collection[socket.socket]) -> None:
        """Give back those of them that nobody has asked for."""
        dropped = [entry for entry in self._sockets if entry[1] in sockets]
        self._sockets = [entry for entry in self._sockets if entry not in dropped]
        for _, sock in dropped:
            sock.close()

    def close(self) -> list[str]:
        """Give back those that nobody wants; returns their names, and where they were bound."""
        sockets = [sock for _, sock in self._sockets]
        left = list(map(self.describe, sockets))
        self.drop(sockets)
        return left


#: Where listeners look.
pool = Pool()


def from_service_manager(
    environment: MutableMapping[str, str] | None = None, pid: int | None = None
) -> list[tuple[str, socket.socket]]:
    """The sockets that a service manager passes to this process, each with its name.

    environment: `os.environ` by default; its LISTEN_* variables are taken out, so that no program
        we start takes them for its own.  pid: ours by default.
    Returns none if there are none, or if they are meant for another process.
    Raises NotInherited if they are announced and are not there, or are no sockets.
    Source: sd_listen_fds(3), sd_is_socket(3).
    """
    environment = os.environ if environment is None else environment
    names = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
    whose, number, called, process = (environment.pop(name, "") for name in names)
    if not number and not whose:
        return []
    pid = os.getpid() if pid is None else pid
    if not _is_decimal(whose) or int(whose) != pid or not _is_process(pid, process):
        log.debug("LISTEN_PID is %r: the sockets are another process's", whose[:20])
        return []
    if not _is_decimal(number) or int(number) > MOST:
        raise NotInherited(
            f"LISTEN_FDS is {number[:20]!r}, and should be a number from 0 to {MOST}; start us by"
            " a socket unit, or without the variable"
        )
    called_each = called.split(":") if called else []
    fds = range(FIRST, FIRST + int(number))
    if called_each and len(called_each) != len(fds):
        raise NotInherited(
            f"LISTEN_FDNAMES has {len(called_each)} names for {len(fds)} sockets; start us by a"
            " socket unit, or without the variable"
        )
    passed: list[tuple[str, socket.socket]] = []
    try:
        for fd, name in zip(fds, called_each or [""] * len(fds), strict=True):
            passed.append((name, _inherited(fd, name)))
    except NotInherited:
        for _, sock in passed:
            sock.close()
        raise
    return passed


def _inherited(fd: int, name: str) -> socket.socket:
    try:
        is_socket = stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError as error:
        raise NotInherited(
            f"LISTEN_FDS announces descriptor {fd}, which is not open: {error.strerror}; start us"
            " by a socket unit"
        ) from error
    if not is_socket:
        raise NotInherited(
            f"descriptor {fd} ({name or 'without a name'}) is no socket; let the unit pass sockets"
            " alone"
        )
    os.set_inheritable(fd, False)
    sock = socket.socket(fileno=fd)
    listens = sock.type != socket.SOCK_STREAM or sock.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    )
    if not listens:
        sock.detach()  # it is nobody's fault but the unit's: it stays open
        raise NotInherited(
            f"descriptor {fd} ({name or 'without a name'}) is a connection, no listener; write"
            " Accept=no into the socket unit"
        )
    return sock


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10


def _is_process(pid: int, number: str) -> bool:
    """Whether LISTEN_PIDFDID, if it is there, means this process and no other with its id.

    It is the inode of a descriptor of the process: unique, where systemd says it at all.
    """
    if not number or not hasattr(os, "pidfd_open"):
        return True
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return True  # the system does not say; LISTEN_PID has to do
    try:
        return number == str(os.fstat(fd).st_ino)
    finally:
        os.close(fd)


def _shown(sock: socket.socket) -> str:
    """Where it is bound, as an operator writes it."""
    bound = sock.getsockname()
    if not isinstance(bound, tuple):
        return str(bound)
    host, port = bound[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _resolved(address: Address, kind: int) -> list[Address]:
    """The addresses it may stand for, numbers for names."""
    if isinstance(address, str):
        return [os.path.abspath(address)]
    host, port = address
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SocketKind(kind), flags=socket.AI_PASSIVE
        )
    except (OSError, ValueError):
        return []
    return [(str(where[0]), int(where[1])) for *_, where in found]


def _fits(bound: object, wanted: list[Address]) -> bool:
    if isinstance(bound, str):
        # Without its file nobody reaches it, and whoever asks for the path binds a new one.
        return bound != "" and os.path.abspath(bound) in wanted and os.path.exists(bound)
    if not isinstance(bound, tuple):
        return False  # an abstract name: nobody can ask for it
    host, port = bound[:2]
    return (host, port) in wanted or (host, 0) in wanted
