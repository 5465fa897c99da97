"""Blocks that begin, break and end while a stop is pending.

Whoever calls has changed the registry already, so a request that comes now finds the change.
"""

from __future__ import annotations

import sys
import threading
import time
from asyncio import CancelledError, Task
from typing import TYPE_CHECKING

from lifetime.inquiry import guests
from lifetime.protection.failure import Failure, program_of
from lifetime.protection.manager import REPEAT, in_main_thread, manager
from lifetime.protection.requests import HaltProtectedBlockException, ShutdownImminentException

if TYPE_CHECKING:
    from lifetime.protection.block import ProtectedBlock


def begun(block: ProtectedBlock) -> None:
    """This block is in the registry.  Is it inside another one, or is its thread to end?"""
    manager.wake()
    if block.run_at_exit or not _refused(block.thread):
        return
    if _thread_has_others(block):
        return
    guests.pop(block.key, None)
    manager.wake()
    if manager.holds_main() and in_main_thread():
        # To end here would end the blocks of other threads, those of daemons at least.
        while manager.due_at() > time.monotonic():
            time.sleep(REPEAT)
        manager.stop_main()
    raise ShutdownImminentException(manager.exit_status())


def must_wait(block: ProtectedBlock) -> bool:
    """Whether the task that is to begin this block has to wait.

    It will not begin it, but it must not end its loop while others are protected there.
    """
    thread = threading.get_ident()
    if block.run_at_exit or not manager.is_pending() or not _refused(thread):
        return False
    others: list[ProtectedBlock] = list(guests.values())
    if any(other.task is block.task for other in others):
        return False
    if any(other.thread == thread for other in others):
        return True
    return manager.holds_main() and in_main_thread() and manager.due_at() > time.monotonic()


def _refused(thread: int) -> bool:
    return bool(manager.requests) or manager.hosts.refuse(thread)


def break_at(block: ProtectedBlock) -> None:
    """At a breaking point: leave the block if a stop is pending."""
    if not manager.is_pending():
        return
    if manager.holds_main() and in_main_thread() and _is_last(block):
        manager.stop_main()
    raise HaltProtectedBlockException(block, manager.exit_status())


def _is_last(block: ProtectedBlock) -> bool:
    """Whether nothing but this block, and what was begun inside of it, is protected."""
    blocks: list[ProtectedBlock] = list(guests.values())
    inside = blocks[blocks.index(block) :] if block in blocks else []
    return len(inside) == len(blocks) and all(
        other.thread == block.thread and other.task is block.task for other in inside
    )


def ended(block: ProtectedBlock, error: BaseException | None) -> None:
    """This block is no longer in the registry.  Is that what the stop has waited for?"""
    manager.hosts.wake()
    if manager.holds_main() and in_main_thread():
        if error is not None and not _is_ours(error, block):
            # Also while other threads are protected, for they may end before it is dealt with.
            if not _thread_has_others(block):
                manager.failure = Failure(error, program_of(sys._getframe()), block.deadline)
        elif manager.due_at() <= time.monotonic():
            if block.task is not None:
                block.task.add_done_callback(_retrieve)
            manager.stop_main()
    manager.wake()


def _thread_has_others(block: ProtectedBlock) -> bool:
    blocks: list[ProtectedBlock] = list(guests.values())
    return any(other is not block and other.thread == block.thread for other in blocks)


def _is_ours(error: BaseException, block: ProtectedBlock) -> bool:
    if isinstance(error, HaltProtectedBlockException):
        return error.block is block
    return block.interrupted and isinstance(error, CancelledError)


def _retrieve(task: Task[object]) -> None:
    """Look at a task's exception, or asyncio would say that nobody ever did; on 3.10 it would."""
    if not task.cancelled():
        task.exception()
