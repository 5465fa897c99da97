"""Servers on our own listener and channel that break what those promise."""

from __future__ import annotations

import socket
from typing import Any

from lifetime import Phase, Veto
from lifetime.testing import World
from servers.producers import SimpleProducer
from tests.zoo.animals import breaks
from tests.zoo.good import PoliteChannel, PoliteListener
from tests.zoo.line_server import lines


def serve(world: World, channel_class: type[PoliteChannel]) -> PoliteListener:
    """Our line server with other channels."""
    world.speaks(lines())
    listener = PoliteListener(("127.0.0.1", 0))
    listener.channel_class = channel_class
    return listener


@breaks(6, 5)
def channel_forgets_its_producer(world: World) -> None:
    """It looks at its buffer; what the producer has still to make is not in it."""

    class Hasty(PoliteChannel):
        ac_out_buffer_size = 1000

        def answer(self, line: bytes) -> None:
            self.push_with_producer(SimpleProducer(line * 5000 + b"\r\n", 1000))

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING and self.producer_fifo:
                self.close()
                return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve(world, Hasty)


@breaks(5, 6)
def listener_takes_its_channels_along(world: World) -> None:
    """Whoever made the channels closes them, in the phase in which it closes itself."""

    class Possessive(PoliteListener):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.REFUSING:
                for channel in list(self.channels):
                    channel.close()
            return super().clean_shutdown_control(phase, time_in_phase)

    world.speaks(lines())
    Possessive(("127.0.0.1", 0))


@breaks(6, 5)
def channel_times_out_at_work(world: World) -> None:
    """Its answer takes three seconds, and its patience with clients two."""

    class Slow(PoliteChannel):
        asked = 0

        def answer(self, line: bytes) -> None:
            self.asked += 1
            self.listener.lifetime.call_later(3.0, self.done, line)
            self.expire_at(self.listener.lifetime.clock() + 2.0)

        def done(self, line: bytes) -> None:
            self.asked -= 1
            if self.socket is not None:
                super().answer(line)

        @property
        def working(self) -> bool:
            return bool(self.asked) or super().working

    serve(world, Slow)


@breaks(9)
def listener_looks_after_its_channels_for_ever(world: World) -> None:
    """A timer that repeats, for each client, and that nobody cancels."""

    class Watched(PoliteChannel):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.listener.lifetime.call_every(5.0, self.look)

        def look(self) -> None:
            """Nothing to be seen."""

    serve(world, Watched)


@breaks(7)
def listener_stays_and_holds(world: World) -> None:
    """Whoever answers until phase 4 has no work that could be waited for."""

    class Clinging(PoliteListener):
        stays = True

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            left = 1.0 - time_in_phase
            return Veto("somebody may still ask", left) if left > 0 else None

    world.speaks(lines())
    Clinging(("127.0.0.1", 0))


@breaks(5, 6)
def listener_stays_and_its_channels_do_not(world: World) -> None:
    """Its clients may come until phase 4, and are not answered behind phase 2."""

    class Curt(PoliteListener):
        stays = True

        def make_channel(self, sock: socket.socket, addr: object) -> None:
            if self.lifetime.phase < Phase.DRAINING:
                super().make_channel(sock, addr)
            else:
                sock.close()

    world.speaks(lines())
    Curt(("127.0.0.1", 0))
