"""What our servers add to the console: their connections by state, and their requests."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lifetime import Lifetime
from lifetime.console import Console
from lifetime.console.server import ServerVerbs
from lifetime.console.sources.terminal import Terminal
from lifetime.console.sources.unix_socket import UnixSocket
from servers.command.error_log import PACKAGES
from servers.http import HTTPListener

#: What stands for the terminal in place of a name.
TERMINAL = "-"

#: The states of a connection, in the order of its life.
STATES = ("idle", "receiving", "answering", "sending", "hanging up")


def furnish(console: Console, listener: HTTPListener) -> None:
    """Give it what an operator can ask of a server of ours; nobody can reach it yet."""
    console.on_display(lambda: section(listener))
    ServerVerbs(console, PACKAGES)


def open_console(console: Console, names: list[str]) -> None:
    """Let operators reach the server under each of these names, or at its terminal.

    Raises OSError, with a sentence, for a name that cannot be had.
    """
    console.name = next((name for name in names if name != TERMINAL), "")
    for name in names:
        console.open(Terminal() if name == TERMINAL else UnixSocket(name))


def section(listener: HTTPListener) -> dict[str, Any]:
    """What the display shows of one listener.  Only reads: the loop goes on meanwhile."""
    counted = Counter(state_of(channel) for channel in list(listener.channels))
    return {
        "address": listener.url,
        "accepting": listener.accepting,
        "connections": {
            "open": counted.total(),
            **{state: counted[state] for state in STATES if counted[state]},
        },
        "requests": {
            "answered": listener.total_requests,
            "in progress": sum(counted[state] for state in STATES[1:4]),
            "failed": listener.exceptions,
        },
        "clients": listener.total_clients,
        **stop_section(listener.lifetime),
    }


def stop_section(life: Lifetime) -> dict[str, Any]:
    """What a stop has counted so far; empty while there is none."""
    if life.sequence is None:
        return {}
    tally = life.tally
    return {
        "since the stop": {
            "finished": tally.finished,
            "refused": tally.refused,
            "cut": tally.cut,
            "from the queue": tally.from_queue,
        }
    }


def state_of(channel: Any) -> str:
    """What one connection is doing, in one of the words of `STATES`."""
    if channel.current_request is not None:
        return "answering"
    if channel.writable():
        return "sending"
    if channel.lingering:
        return "hanging up"
    return "receiving" if channel.working else "idle"
