"""A server as people wrote them for asyncore and asynchat: it echoes lines, and stops in order.

It is right; what is wrong in the zoo is mostly a subclass that breaks one of its methods.
"""

from __future__ import annotations

import socket
import warnings
from contextlib import suppress
from typing import Any

from lifetime import Veto, asyncore
from lifetime.testing import Lines, World

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import asynchat

#: Seconds for which a client that was told goodbye may take to hang up.
PATIENCE_WITH_CLIENTS = 1.0


def lines() -> Lines:
    """What its clients say."""
    return Lines("ping", "pong", goodbye="bye")


class LineChannel(asynchat.async_chat):
    """One client: each line is answered by a line."""

    def __init__(self, sock: Any, server: LineServer) -> None:
        super().__init__(sock)
        self.server = server
        self.line: list[bytes] = []
        self.leaving = False
        self.set_terminator(b"\r\n")

    def collect_incoming_data(self, data: bytes) -> None:
        if not self.leaving:
            self.line.append(data)

    def found_terminator(self) -> None:
        line, self.line = b"".join(self.line), []
        if not self.leaving:
            self.answer(line)

    def answer(self, line: bytes) -> None:
        self.push(b"echo " + line + b"\r\n")

    @property
    def busy(self) -> bool:
        """Whether half a line has come, or half an answer has gone."""
        return bool(self.line or self.ac_in_buffer or self.producer_fifo)

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase != 3:
            return None
        if self.busy:
            return Veto("in the middle of a line")
        if not self.leaving:
            self.say_goodbye()
        elif not self.connected or time_in_phase > self.server.hang_up_after:
            self.close()
        return Veto("waiting for the client to hang up") if self.socket.fileno() >= 0 else None

    def say_goodbye(self) -> None:
        """Announce the end, send no more, and read until the client has gone."""
        self.leaving = True
        self.push(b"bye\r\n")

    def initiate_send(self) -> None:
        super().initiate_send()
        if self.leaving and not self.producer_fifo and self.connected:
            with suppress(OSError):  # the client has gone already
                self.socket.shutdown(socket.SHUT_WR)

    def handle_error(self) -> None:
        self.close()


class LineServer(asyncore.dispatcher):
    """Accepts clients; in phase 2 it empties its queue, and closes."""

    channel_class: type[LineChannel] = LineChannel
    hang_up_after = PATIENCE_WITH_CLIENTS

    def __init__(self) -> None:
        super().__init__()
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.set_reuse_addr()
        self.bind(("127.0.0.1", 0))
        self.listen(16)

    def handle_accepted(self, sock: Any, addr: Any) -> None:
        self.channel_class(sock, self)

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == 2:
            self.empty_queue()
            self.close()
        return None

    def empty_queue(self) -> None:
        """Whoever waits there believes to be connected."""
        while (accepted := self.accept()) is not None:
            self.handle_accepted(*accepted)


def serve_lines(
    world: World,
    server_class: type[LineServer] = LineServer,
    channel_class: type[LineChannel] = LineChannel,
) -> LineServer:
    """A line server, perhaps with a part that is another."""
    world.speaks(lines())
    server = server_class()
    if channel_class is not LineChannel:
        server.channel_class = channel_class
    return server


def line_server(world: World) -> LineServer:
    """The factory."""
    return serve_lines(world)
