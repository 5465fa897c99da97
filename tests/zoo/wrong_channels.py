"""Channels and servers that lose what they have accepted, or leave something behind."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Any

import lifetime
from lifetime import asyncore
from lifetime.testing import World
from servers.http.channel import HTTPChannel
from tests.zoo.animals import breaks
from tests.zoo.http_server import Hello, serve_http
from tests.zoo.line_server import LineChannel, LineServer, serve_lines

#: Descriptors that a run has left open on purpose; the tests close them.
LEAKED: list[int] = []


@breaks(6, 5)
def closes_with_unsent_bytes(world: World) -> None:
    class Hasty(LineChannel):
        def answer(self, line: bytes) -> None:
            super().answer(line * 5000)

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == 3 and self.producer_fifo:
                self.close()
                return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_lines(world, channel_class=Hasty)


@breaks(6, 5)
def closes_in_the_middle_of_a_line(world: World) -> None:
    class Hasty(LineChannel):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == 3 and self.line:
                self.close()
                return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_lines(world, channel_class=Hasty)


@breaks(5)
def answers_twice(world: World) -> None:
    class Eager(LineChannel):
        def answer(self, line: bytes) -> None:
            super().answer(line)
            if line == b"pong":
                super().answer(line)

    serve_lines(world, channel_class=Eager)


@breaks(5)
def answers_nothing(world: World) -> None:
    class Silent(LineChannel):
        def answer(self, line: bytes) -> None:
            if line != b"pong":
                super().answer(line)

    serve_lines(world, channel_class=Silent)


@breaks(5)
def loses_pipelined_requests(world: World) -> None:
    """It reads a line a time, and forgets what came with it."""

    class Single(LineChannel):
        def found_terminator(self) -> None:
            super().found_terminator()
            self.ac_in_buffer = b""

    serve_lines(world, channel_class=Single)


@breaks(5)
def hangs_up_without_goodbye(world: World) -> None:
    class Curt(LineChannel):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == 3 and not self.busy:
                self.close()
                return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_lines(world, channel_class=Curt)


@breaks(5)
def resets_who_still_sends(world: World) -> None:
    """It says goodbye and closes, whatever has come meanwhile: the reset destroys the goodbye."""

    class Curt(LineChannel):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == 3 and not self.busy:
                if not self.leaving:
                    self.say_goodbye()
                if not self.producer_fifo:
                    self.close()
                    return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_lines(world, channel_class=Curt)


@breaks(7)
def waits_for_idle_clients(world: World) -> None:
    """It leaves when its clients do, and they have no reason to."""

    class Patient(LineChannel):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return phase == 3 and "a client is connected"

    serve_lines(world, channel_class=Patient)


@breaks(7)
def sleeps_in_a_request(world: World) -> None:
    class Sleeper(LineChannel):
        def answer(self, line: bytes) -> None:
            time.sleep(2.0)
            super().answer(line)

    serve_lines(world, channel_class=Sleeper)


@breaks(7)
def wants_to_write_and_does_not(world: World) -> None:
    class Restless(LineChannel):
        def writable(self) -> bool:
            return True

        def handle_write(self) -> None:
            if self.producer_fifo:
                super().handle_write()

    serve_lines(world, channel_class=Restless)


@breaks(8)
def leaves_the_loop_by_exception(world: World) -> None:
    class Thrower(LineChannel):
        def answer(self, line: bytes) -> None:
            if line == b"pong":
                raise asyncore.ExitNow("somebody said pong")
            super().answer(line)

        def handle_error(self) -> None:
            raise

    serve_lines(world, channel_class=Thrower)


@breaks(9)
def leaks_a_descriptor(world: World) -> None:
    class Leaky(LineChannel):
        def __init__(self, sock: Any, server: LineServer) -> None:
            super().__init__(sock, server)
            LEAKED.append(os.open(os.devnull, os.O_RDONLY))

    serve_lines(world, channel_class=Leaky)


@breaks(9)
def leaves_without_closing(world: World) -> None:
    """It leaves the map, and nobody sees any more that its socket is open."""

    class Forgetful(LineChannel):
        def close(self) -> None:
            self.del_channel()

    serve_lines(world, channel_class=Forgetful)


@breaks(9)
def leaks_a_socket(world: World) -> None:
    class Leaky(LineChannel):
        def __init__(self, sock: Any, server: LineServer) -> None:
            super().__init__(sock, server)
            friend = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.__dict__.setdefault("friends", []).append(friend)

    serve_lines(world, channel_class=Leaky)


@breaks(9)
def leaks_a_thread(world: World) -> None:
    class Leaky(LineChannel):
        def answer(self, line: bytes) -> None:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
            super().answer(line)

    serve_lines(world, channel_class=Leaky)


@breaks(5, 6)
def forgets_who_was_in_the_queue(world: World) -> None:
    """In phase 2 it accepts everybody, and serves nobody of them."""

    class Forgetful(LineServer):
        def empty_queue(self) -> None:
            while (accepted := self.accept()) is not None:
                accepted[0].close()

    serve_lines(world, Forgetful)


@breaks(5)
def http_closes_behind_an_unannounced_response(world: World) -> None:
    class Curt(HTTPChannel):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == 3 and not self.working and not self.writable():
                self.close()
                return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_http(world, Hello(), Curt)


@breaks(5, 6)
def http_cuts_answers_when_it_drains(world: World) -> None:
    class Large(Hello):
        def handle_request(self, request: Any) -> None:
            request.push("x" * 100_000)
            request.done()

    class Curt(HTTPChannel):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == 3 and self.writable():
                self.close()
                return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_http(world, Large(), Curt)


@breaks(5, 6)
def http_closes_a_channel_that_works(world: World) -> None:
    """It looks at its buffers only; an answer that comes from a timer is not there yet."""

    class Later(Hello):
        def handle_request(self, request: Any) -> None:
            lifetime.call_later(3.0, super().handle_request, request)

    class Curt(HTTPChannel):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == 3 and self.current_request is not None and not self.writable():
                self.close()
                return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_http(world, Later(), Curt)
