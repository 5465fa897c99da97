"""Succession: whose listening sockets the command serves on, and who may serve on them next.

`lifetime serve` takes what a service manager passes, or, with --takeover NAME, what the process of
that name hands over; with neither it binds its own.  This is where those come together.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable

import lifetime as lifetime_module
from lifetime import Lifetime
from lifetime.walk import close_everything
from servers.command.options import BadInput
from servers.succession.handover import READY_WITHIN, HandoverPoint
from servers.succession.inheritance import NotInherited, from_service_manager, pool
from servers.succession.takeover import Inheritance, Predecessor, Refused, ask_for_listeners

log = logging.getLogger("servers")


class Succession:
    """What was inherited at the start, and from whom.

    name: under which it takes over, and can be taken over; None: it neither does nor can.
    ready_within: seconds in which whoever takes over from us must be ready.
    As a context it closes what it has, and every listener, if the server is refused in it: nobody
    is going to serve there.
    Raises BadInput if whoever serves does not hand over, or what was announced is not there.
    """

    def __init__(self, name: str | None, ready_within: float = READY_WITHIN) -> None:
        self.name = name
        self.ready_within = ready_within
        self._inheritance: Inheritance | None = None
        self._passed: list[socket.socket] = []  # by the service manager
        try:
            for called, sock in from_service_manager():
                pool.add(called, sock)
                self._passed.append(sock)
            if name is not None:
                self._inheritance = ask_for_listeners(name, pool)
        except NotInherited as error:
            raise BadInput(str(error)) from error
        except (Refused, OSError) as error:
            pool.close()
            reason = getattr(error, "strerror", None) or error
            raise BadInput(f"--takeover {name!r}: {reason}") from error

    def __enter__(self) -> Succession:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            return
        pool.close()
        if self._inheritance is not None:
            self._inheritance.close()
        close_everything(lifetime_module.default().map)

    @property
    def takes_over(self) -> bool:
        """Whether there is a process in whose place we are going to serve."""
        return self._inheritance is not None

    def any_socket(self) -> socket.socket | None:
        """For a server that was told no address: the first one that the service manager passes."""
        return pool.take_any() if any(map(_has_connections, self._passed)) else None

    def unclaimed(self) -> str:
        """For whoever cannot bind an address: which sockets were passed instead."""
        left = [each for each in self._passed if each in pool]
        return f"; what was passed is {', '.join(map(pool.describe, left))}" if left else ""

    def settle(
        self,
        life: Lifetime,
        serving: Callable[[], object],
        alone: Callable[[], object],
        on_change: Callable[[bool], object],
    ) -> None:
        """All listeners are made.  Let the predecessor know, once the loop runs.

        serving: called in the loop when we serve; alone: called when no predecessor is left, at
            once if there is none; on_change: as for a `HandoverPoint`.
        Raises BadInput if nobody could take over from us.
        """
        inheritance = self._inheritance
        if inheritance is not None:
            pool.drop(inheritance.sockets)  # what we do not take is served on by the predecessor
        for left in pool.close():
            log.warning("the socket %s that was passed is nobody's, and is closed", left)
        if self.name is not None:
            try:
                HandoverPoint(
                    self.name,
                    life,
                    sock=None if inheritance is None else inheritance.point,
                    ready_within=self.ready_within,
                    on_change=on_change,
                )
            except OSError as error:
                reason = error.strerror or error
                if error.errno == errno.EADDRINUSE:
                    reason = "another one was started just now; start this again to take over"
                raise BadInput(f"--takeover {self.name!r}: {reason}") from error
        if inheritance is None:
            life.call_later(0, serving)
            alone()
            return

        def gone() -> None:
            try:
                alone()
            except BadInput as error:  # too late to refuse
                log.error("%s", error)

        Predecessor(inheritance, life, on_ours=serving, on_gone=gone)


def _has_connections(sock: socket.socket) -> bool:
    return sock.type == socket.SOCK_STREAM
