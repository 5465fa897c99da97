"""Succession: whose listening sockets the command serves on, and who may serve on them next.

`lifetime serve` takes what a service manager passes, or, with --takeover NAME, what the process of
that name hands over; with neither it binds its own.  This is where those come together.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

from lifetime import Lifetime
from servers.command.options import BadInput
from servers.succession.handover import READY_WITHIN, HandoverPoint
from servers.succession.inheritance import NotInherited, from_service_manager, pool
from servers.succession.takeover import Inheritance, Predecessor, Refused, ask_for_listeners

log = logging.getLogger("servers")


class Succession:
    """What was inherited at the start, and from whom.

    name: under which it takes over, and can be taken over; None: it neither does nor can.
    ready_within: seconds in which whoever takes over from us must be ready.
    Raises BadInput if whoever serves does not hand over, or what was announced is not there.
    """

    def __init__(self, name: str | None, ready_within: float = READY_WITHIN) -> None:
        self.name = name
        self.ready_within = ready_within
        self._inheritance: Inheritance | None = None
        try:
            for passed in from_service_manager():
                pool.add(*passed)
            if name is not None:
                self._inheritance = ask_for_listeners(name, pool)
        except NotInherited as error:
            raise BadInput(str(error)) from error
        except Refused as error:
            raise BadInput(f"--takeover {name!r}: {error}") from error
        except OSError as error:
            raise BadInput(f"--takeover {name!r}: {error.strerror or error}") from error

    @property
    def takes_over(self) -> bool:
        """Whether there is a process in whose place we are going to serve."""
        return self._inheritance is not None

    def any_socket(self) -> socket.socket | None:
        """For a server that was told no address: the first one that there is."""
        return pool.take_any() if self._inheritance is None else None

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
        for left in pool.close():
            if self._inheritance is None:
                log.warning("the socket %s that was passed is nobody's, and is closed", left)

        def open_point() -> None:
            if self.name is not None:
                HandoverPoint(self.name, life, ready_within=self.ready_within, on_change=on_change)

        if self._inheritance is None:
            try:
                open_point()
            except OSError as error:
                raise BadInput(f"--takeover {self.name!r}: {error.strerror or error}") from error
            life.call_later(0, serving)
            alone()
            return

        def ours() -> None:
            try:
                open_point()
            except OSError as error:  # it serves all the same
                log.error("nobody can take over from us: %s", error)
            serving()

        def gone() -> None:
            try:
                alone()
            except BadInput as error:  # too late to refuse
                log.error("%s", error)

        Predecessor(self._inheritance, life, on_ours=ours, on_gone=gone)
