"""What a child of `fork()` must forget: our threads do not exist there, and our files are not its.
"""

from __future__ import annotations

import logging
import os
import weakref
from typing import Protocol

log = logging.getLogger("lifetime.console")


class Forgetful(Protocol):
    """Something that a forked child must not go on using."""

    def forget(self) -> None:
        """Close the descriptors of this process, and leave everything else to the parent."""


_all: weakref.WeakSet[Forgetful] = weakref.WeakSet()


def forget_after_fork(thing: Forgetful) -> None:
    """Call `thing.forget()` in every child from now on, for as long as it lives."""
    _all.add(thing)


def _after_fork_in_child() -> None:
    for thing in list(_all):
        try:
            thing.forget()
        except Exception:  # one that fails must not keep the others
            log.exception("%r cannot be forgotten in a forked child", thing)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
