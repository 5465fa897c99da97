"""Servers and dispatchers that are right, and do not speak HTTP."""

from __future__ import annotations

import queue
import socket
import threading
import time
import warnings
from contextlib import suppress
from typing import Any

from lifetime import Phase, Veto, asyncore
from lifetime.testing import HTTP, Silent, World
from servers.channel import Channel
from servers.http import HTTPListener
from servers.listener import Listener
from tests.zoo import good_front_ends, good_http, good_medusa
from tests.zoo.animals import good
from tests.zoo.http_server import Hello
from tests.zoo.line_server import PATIENCE_WITH_CLIENTS, LineChannel, LineServer, lines
from tests.zoo.member import Member

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from asyncore import dispatcher_with_send

__all__ = ["good_front_ends", "good_http", "good_medusa"]  # they fill the register as well


@good
def asynchat_lines(world: World) -> None:
    world.speaks(lines())
    LineServer()


class PoliteChannel(Channel):
    """The same on our own channel."""

    def __init__(self, sock: socket.socket, listener: PoliteListener) -> None:
        super().__init__(sock, listener.lifetime.map)
        self.listener = listener
        self.line: list[bytes] = []
        self.leaving = False
        self.set_terminator(b"\r\n")
        listener.channel_opened(self)

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
    def working(self) -> bool:
        return bool(self.line or self.ac_in_buffer) and not self.leaving

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase < Phase.DRAINING or self.socket is None:
            return None
        if self.working or self.writable():
            return Veto(self.occupation())
        if not self.leaving:
            self.leaving = True
            self.push(b"bye\r\n")
            self.expire_at(self.listener.lifetime.clock() + PATIENCE_WITH_CLIENTS)
        if self.socket is not None and not self.writable():
            with suppress(OSError):  # the client has gone already
                self.socket.shutdown(socket.SHUT_WR)
        return Veto("waiting for the client to hang up") if self.socket is not None else None

    def lifetime_of(self) -> Any:
        return self.listener.lifetime

    def close(self) -> None:
        super().close()
        self.listener.channel_closed(self)


class PoliteListener(Listener):
    """Makes them."""

    channel_class: type[PoliteChannel] = PoliteChannel

    def make_channel(self, sock: socket.socket, addr: Any) -> object:
        return self.channel_class(sock, self)


@good
def channel_lines(world: World) -> None:
    world.speaks(lines())
    PoliteListener(("127.0.0.1", 0))


@good
def two_protocols(world: World) -> None:
    """Two listeners in one world, that speak differently."""
    first = PoliteListener(("127.0.0.1", 0))
    second = HTTPListener("127.0.0.1", 0)
    second.install_handler(Hello())
    world.speaks(lines(), first.addr)
    world.speaks(HTTP("/"), second.addr)


@good
def asyncore_echo(world: World) -> None:
    """As in asyncore's documentation, with an end."""

    class Echo(dispatcher_with_send):
        in_line = leaving = False

        def handle_read(self) -> None:
            try:
                data = self.recv(8192)
            except BlockingIOError:
                return  # called ready without anything to read
            if data and not self.leaving:
                self.in_line = not data.endswith(b"\n")
                self.send(data)

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase < Phase.DRAINING or not self.connected:
                return None
            if self.in_line or self.out_buffer:
                return "in the middle of a line"
            if not self.leaving:
                self.leaving = True
                self.send(b"bye\r\n")
            elif time_in_phase > PATIENCE_WITH_CLIENTS:
                self.close()
            return self.connected

        def handle_error(self) -> None:
            self.close()

    class Server(LineServer):
        def handle_accepted(self, sock: Any, addr: Any) -> None:
            Echo(sock)

    world.speaks(lines())
    Server()


@good
def udp_responder(world: World) -> None:
    """As one for ICP: peers need two seconds of phase 1 to look elsewhere."""

    class Responder(asyncore.dispatcher):
        def __init__(self) -> None:
            super().__init__()
            self.create_socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.bind(("127.0.0.1", 0))
            self.withdrawn = False

        def writable(self) -> bool:
            return False

        def handle_read(self) -> None:
            _, peer = self.socket.recvfrom(1500)
            self.socket.sendto(b"miss" if self.withdrawn else b"hit", peer)

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            self.withdrawn = True
            if phase == Phase.WITHDRAWING and time_in_phase < 2.0:
                return Veto("peers look elsewhere", eta=2.0 - time_in_phase)
            if phase == Phase.DRAINING:
                self.close()
            return None

    Responder()
    serve_lines_beside(world)


def serve_lines_beside(world: World) -> LineServer:
    """A line server, so that somebody has something to lose."""
    world.speaks(lines())
    return LineServer()


@good
def clock_in_readable(world: World) -> None:
    """Works whenever the loop comes by, in `readable()`; medusa's monitors did."""

    class Clock(Member):
        rounds = 0

        def readable(self) -> bool:
            self.rounds += 1
            return False

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return None

    Clock(world)
    serve_lines_beside(world)


@good
def joins_others_in_phase_2(world: World) -> None:
    """A last will: somebody who has one second of work joins when the doors close."""

    class Executor(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING and time_in_phase >= 1.0:
                self.close()
            return phase == Phase.DRAINING and "executing the will"

    class Testator(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.REFUSING and not any(
                isinstance(each, Executor) for each in self.map.values()
            ):
                Executor(world, 80_001)
            return None

    Testator(world)
    serve_lines_beside(world)


@good
def front_end_that_must_act(world: World) -> None:
    """Phase 1 waits until a front end has looked twice, or for three seconds."""

    class FrontEnd(Member):
        looks = 0

        def look(self) -> None:
            self.looks += 1

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.WITHDRAWING and not self.looks:
                world.lifetime.call_later(0.5, self.look)
                world.lifetime.call_later(1.0, self.look)
                self.looks = 1
            if phase == Phase.WITHDRAWING and self.looks < 3 and time_in_phase < 3.0:
                return Veto("the front end has not looked yet", eta=3.0 - time_in_phase)
            return None

    FrontEnd(world)
    serve_lines_beside(world)


@good
def says_nothing_of_answers(world: World) -> None:
    """It swallows everything, and its clients expect no more."""

    class Sink(asyncore.dispatcher):
        def writable(self) -> bool:
            return False

        def handle_read(self) -> None:
            with suppress(BlockingIOError):
                self.recv(8192)

        def handle_error(self) -> None:
            self.close()

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING:
                self.close()
            return None

    class Server(LineServer):
        def handle_accepted(self, sock: Any, addr: Any) -> None:
            Sink(sock)

    world.speaks(Silent("a line for the log\r\n"))
    Server()


class WorkedChannel(PoliteChannel):
    """Its answers are made in a thread, and come back by `call_soon_threadsafe`."""

    asked = 0

    def answer(self, line: bytes) -> None:
        self.asked += 1
        self.listener.jobs.put((self, line))  # type: ignore[attr-defined]

    def done(self, line: bytes) -> None:
        self.asked -= 1
        if self.socket is not None:
            super().answer(line)

    @property
    def working(self) -> bool:
        return bool(self.asked) or super().working


class WorkedListener(PoliteListener):
    """Hands each line to its worker, which blocks."""

    channel_class = WorkedChannel

    def __init__(self, world: World) -> None:
        super().__init__(("127.0.0.1", 0))
        self.jobs: queue.Queue[Any] = queue.Queue()
        self.worker = threading.Thread(target=self.work, name="worker")
        self.worker.start()
        world.lifetime.on_phase(lambda phase: phase == 4 and self.jobs.put(None))

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            channel, line = job
            time.sleep(0.1)
            self.lifetime.call_soon_threadsafe(channel.done, line)


@good
def hands_lines_to_a_worker(world: World) -> None:
    world.speaks(lines())
    WorkedListener(world)


@good
def a_thread_for_each_line(world: World) -> None:
    class Threaded(LineChannel):
        waiting = 0

        def answer(self, line: bytes) -> None:
            self.waiting += 1
            # One after the other: the answers' order is the questions'.
            threading.Thread(target=self.work, args=(line, self.waiting)).start()

        def work(self, line: bytes, place: int) -> None:
            time.sleep(0.1 * place)
            world.lifetime.call_soon_threadsafe(self.done, line)

        def done(self, line: bytes) -> None:
            self.waiting -= 1
            if self.connected:
                super().answer(line)

        @property
        def busy(self) -> bool:
            return bool(self.waiting) or super().busy

    class Server(LineServer):
        channel_class = Threaded

    world.speaks(lines())
    Server()
