"""Dispatchers whose `clean_shutdown_control` is wrong."""

from __future__ import annotations

import os
import time
from typing import Any

import lifetime
from lifetime import Phase, Veto, asyncore
from lifetime.testing import World
from tests.zoo.animals import breaks
from tests.zoo.line_server import LineChannel, LineServer, serve_lines
from tests.zoo.member import Member


@breaks(7)
def vetoes_for_ever(world: World) -> None:
    class Stubborn(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return phase == Phase.DRAINING

    Stubborn(world)


@breaks(7)
def vetoes_phase_1_for_ever(world: World) -> None:
    class Stubborn(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return phase == Phase.WITHDRAWING

    Stubborn(world)


@breaks(7)
def lets_go_too_late(world: World) -> None:
    """It vetoes for twenty seconds, for nobody."""

    class Slow(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return phase == Phase.REFUSING and time_in_phase < 20.0

    Slow(world)


@breaks(2)
def raises_in_the_hook(world: World) -> None:
    class Failing(LineServer):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return super().clean_shutdown_control(phase, time_in_phase) or 1 / 0

    serve_lines(world, Failing)


@breaks(2)
def raises_when_it_is_late(world: World) -> None:
    """Only a channel that is still at work when it is asked again fails."""

    class Failing(LineChannel):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if time_in_phase > 0 and self.line:
                raise RuntimeError("not yet")
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_lines(world, channel_class=Failing)


@breaks(7)
def sleeps_in_the_hook(world: World) -> None:
    class Sleeper(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING:
                time.sleep(2.0)
            return None

    Sleeper(world)


@breaks(8)
def empties_the_map(world: World) -> None:
    class Rude(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING:
                self.map.clear()
            return None

    Rude(world)


@breaks(8)
def closes_its_neighbours(world: World) -> None:
    class Rude(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.REFUSING:
                for other in list(self.map.values()):
                    other.close()
            return None

    Rude(world)


@breaks(8)
def takes_somebodys_place(world: World) -> None:
    """It joins under a number that another has."""

    class Cuckoo(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.REFUSING:
                first = next(iter(self.map))
                if self.map[first] is not self:
                    self.map[first] = self
            return None

    Cuckoo(world)


@breaks(3)
def measures_on_the_wall_clock(world: World) -> None:
    class Channel(LineChannel):
        since = 0.0

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING and not self.busy:
                self.since = self.since or time.time()
                if time.time() < self.since + 1.0:
                    return "quiet for a second first"
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_lines(world, channel_class=Channel)


@breaks(3)
def gives_up_by_the_wall_clock(world: World) -> None:
    """A client gets ten seconds, unless somebody sets the clock."""

    class Channel(LineChannel):
        since = 0.0

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING:
                self.since = self.since or time.time()
                if time.time() > self.since + 100.0:
                    self.close()
                    return None
            return super().clean_shutdown_control(phase, time_in_phase)

    serve_lines(world, channel_class=Channel)


_runs: list[object] = []


@breaks(10)
def remembers_earlier_runs(world: World) -> None:
    _runs.append(None)
    several = len(_runs) % 3 == 0

    class Forgetful(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return several and phase == Phase.REFUSING and time_in_phase < 1.0

    Forgetful(world)


@breaks(10)
def throws_dice(world: World) -> None:
    class Gambler(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return phase == Phase.REFUSING and time_in_phase < 1.0 and os.urandom(1)[0] < 128

    Gambler(world)


@breaks(1)
def closes_its_door_in_phase_1(world: World) -> None:
    class Hasty(LineServer):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.WITHDRAWING:
                self.empty_queue()
                self.close()
            return None

    serve_lines(world, Hasty)


@breaks(5)
def never_closes_its_door(world: World) -> None:
    class Deaf(LineServer):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return None

    serve_lines(world, Deaf)


@breaks(5)
def closes_its_door_in_phase_3(world: World) -> None:
    class Late(LineServer):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return super().clean_shutdown_control(phase - 1, time_in_phase)

    serve_lines(world, Late)


@breaks(5)
def drops_its_queue(world: World) -> None:
    class Rude(LineServer):
        def empty_queue(self) -> None:
            """Not done."""

    serve_lines(world, Rude)


@breaks(9)
def leaks_a_timer(world: World) -> None:
    class Channel(LineChannel):
        def __init__(self, sock: Any, server: LineServer) -> None:
            super().__init__(sock, server)
            lifetime.call_every(10.0, self.look_around)

        def look_around(self) -> None:
            """Nothing to be seen."""

    serve_lines(world, channel_class=Channel)


@breaks(7)
def promises_to_be_done_soon(world: World) -> None:
    """Each veto says that it needs one second more."""

    class Optimist(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return Veto("nearly done", eta=1.0) if phase == Phase.DRAINING else None

    Optimist(world)


@breaks(2, 8)
def leaves_the_loop_from_its_hook(world: World) -> None:
    class Quitter(Member):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING:
                raise asyncore.ExitNow("that is all")
            return None

    Quitter(world)


@breaks(1)
def does_not_look_at_the_phase(world: World) -> None:
    """Phase 1 is for others: whoever closes at the first question ignores it."""

    class Hasty(LineServer):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if self.accepting:
                self.empty_queue()
                self.close()
            return None

    serve_lines(world, Hasty)


@breaks(5)
def accepts_in_phase_3(world: World) -> None:
    """When all doors have closed it opens another one, for two seconds."""

    class BackDoor(LineServer):
        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return phase == Phase.DRAINING and time_in_phase < 2.0

    class Opener(Member):
        opened = False

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            if phase == Phase.DRAINING and not self.opened:
                self.opened = True
                BackDoor()
            return None

    serve_lines(world)
    Opener(world)


@breaks(8)
def sweeps_the_map_now_and_then(world: World) -> None:
    """Who has no socket is taken for dead."""

    class Sweeper(Member):
        socket = object()

        def readable(self) -> bool:
            for fd, each in list(self.map.items()):
                if each.socket is None:
                    del self.map[fd]
            return False

        def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
            return None

    Sweeper(world)
