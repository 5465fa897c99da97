"""Main loops that are wrong.

`SimpleLifetime` is the loop that one would write first, and right; what is wrong breaks one of its
methods.
"""

from __future__ import annotations

from typing import Any

from lifetime import Lifetime, Phase, TooLate
from lifetime.sequence import Patience, ShutdownSequence
from lifetime.testing import World
from tests.zoo.animals import breaks, good
from tests.zoo.line_server import LineServer, lines


class SimpleLifetime(Lifetime):
    """Asks everybody after every turn, and moves on when nobody vetoes."""

    simple: ShutdownSequence | None = None
    asked_to_stop = False
    heard: dict[Any, int]

    @property
    def sequence(self) -> ShutdownSequence | None:
        return self.simple

    def shutdown(self, exit_code: int = 0, fast: bool = False) -> None:
        self.asked_to_stop = True
        self.trigger.pull()

    def request_stop(self, exit_code: int = 0) -> None:
        self.shutdown(exit_code)

    def resume(self) -> None:
        """Cannot be taken back."""
        raise TooLate("a simple loop goes on")

    def loop(self) -> Any:
        with self.running():
            while not self.asked_to_stop:
                self.turn(None)
            self.simple = ShutdownSequence(self.clock(), Patience())
            self.heard = {}
            self.enter(Phase.WITHDRAWING)
            while self.phase < Phase.TERMINATED:
                self.stay()
            for each in list(self.map.values()):
                each.close()
            self.timers.clear()

    def stay(self) -> None:
        """One phase."""
        assert self.simple is not None
        sequence = self.simple
        while True:
            vetoed = self.ask_everyone(sequence.phase, self.time_in_phase(sequence))
            if not vetoed or sequence.remaining(self.clock()) <= 0:
                break
            self.turn(min(1.0, sequence.remaining(self.clock())))
        self.leave(sequence)

    def time_in_phase(self, sequence: ShutdownSequence) -> float:
        return self.clock() - sequence.entered

    def leave(self, sequence: ShutdownSequence) -> None:
        self.enter(sequence.advance(self.clock()))

    def ask_everyone(self, phase: Phase, time_in_phase: float) -> bool:
        """All answers, not only up to the first veto; twice, for who joins in somebody's hook."""
        asked: list[Any] = []
        vetoed = False
        while newcomers := [each for each in self.map.values() if each not in asked]:
            for each in newcomers:
                asked.append(each)
                if each in self.map.values():
                    vetoed = self.ask(each, phase, time_in_phase) or vetoed
        return vetoed

    def ask(self, dispatcher: Any, phase: int, time_in_phase: float) -> bool:
        hook = getattr(dispatcher, "clean_shutdown_control", None)
        try:
            for missed in range(self.heard.get(dispatcher, 0) + 1, phase):
                self.heard[dispatcher] = missed
                hook is not None and hook(missed, 0.0)
            self.heard[dispatcher] = phase
            return hook is not None and bool(hook(phase, time_in_phase)) and self.has(dispatcher)
        except Exception:
            return self.failed()

    def failed(self) -> bool:
        """A hook has raised, which counts as no veto."""
        return False

    def has(self, dispatcher: Any) -> bool:
        return any(each is dispatcher for each in self.map.values())


def under(world: World, loop_class: type[Lifetime]) -> None:
    """A line server in another loop."""
    world.lifetime = loop_class(world.map, clock=world.clock.monotonic, selector=world.selector)
    world.speaks(lines())
    LineServer()


@good
def simple_loop(world: World) -> None:
    under(world, SimpleLifetime)


@breaks(2)
def stops_asking_after_the_first_veto(world: World) -> None:
    class Lazy(SimpleLifetime):
        def ask_everyone(self, phase: Phase, time_in_phase: float) -> bool:
            return any(self.ask(each, phase, time_in_phase) for each in list(self.map.values()))

    under(world, Lazy)


@breaks(2)
def lets_an_exception_end_the_pass(world: World) -> None:
    class Brittle(SimpleLifetime):
        def ask_everyone(self, phase: Phase, time_in_phase: float) -> bool:
            try:
                for each in list(self.map.values()):
                    hook = getattr(each, "clean_shutdown_control", None)
                    if hook is not None and self.has(each) and hook(phase, time_in_phase):
                        return True
            except Exception:
                return False
            return False

    under(world, Brittle)


@breaks(2)
def forgets_a_latecomer(world: World) -> None:
    class Hasty(SimpleLifetime):
        members: list[Any] | None = None

        def ask_everyone(self, phase: Phase, time_in_phase: float) -> bool:
            if self.members is None:
                self.members = list(self.map.values())
            answers = [
                self.ask(each, phase, time_in_phase) for each in self.members if self.has(each)
            ]
            return any(answers)

    under(world, Hasty)


@breaks(1)
def re_enters_a_phase(world: World) -> None:
    class Undecided(SimpleLifetime):
        again = True

        def leave(self, sequence: ShutdownSequence) -> None:
            super().leave(sequence)
            if self.again and self.phase is Phase.DRAINING:
                self.again = False
                sequence.phase = Phase.REFUSING
                self.enter(Phase.REFUSING)

    under(world, Undecided)


@breaks(1)
def skips_a_phase(world: World) -> None:
    class Hasty(SimpleLifetime):
        def leave(self, sequence: ShutdownSequence) -> None:
            if sequence.phase is Phase.WITHDRAWING:
                sequence.advance(self.clock())
            super().leave(sequence)

    under(world, Hasty)


@breaks(1)
def tells_an_old_phase_again(world: World) -> None:
    class Muddled(SimpleLifetime):
        def ask(self, dispatcher: Any, phase: int, time_in_phase: float) -> bool:
            if phase == Phase.DRAINING:
                super().ask(dispatcher, Phase.REFUSING, 0.0)
            return super().ask(dispatcher, phase, time_in_phase)

    under(world, Muddled)


@breaks(3)
def counts_from_the_request(world: World) -> None:
    """The time in the phase is that in the whole shutdown."""

    class Muddled(SimpleLifetime):
        begun: float | None = None

        def time_in_phase(self, sequence: ShutdownSequence) -> float:
            if self.begun is None:
                self.begun = self.clock()
            return self.clock() - self.begun

    under(world, Muddled)


@breaks(3)
def counts_down(world: World) -> None:
    class Muddled(SimpleLifetime):
        def time_in_phase(self, sequence: ShutdownSequence) -> float:
            return sequence.remaining(self.clock())

    under(world, Muddled)


@breaks(4)
def leaves_against_a_veto(world: World) -> None:
    class Hasty(SimpleLifetime):
        def ask_everyone(self, phase: Phase, time_in_phase: float) -> bool:
            return super().ask_everyone(phase, time_in_phase) and time_in_phase < 0.5

    under(world, Hasty)


@breaks(4)
def has_endless_patience(world: World) -> None:
    class Patient(SimpleLifetime):
        def stay(self) -> None:
            assert self.simple is not None
            while self.ask_everyone(self.simple.phase, self.time_in_phase(self.simple)):
                self.turn(1.0)
            self.leave(self.simple)

    under(world, Patient)


@breaks(4, 7)
def waits_for_nobody(world: World) -> None:
    """It looks at its watch once a second, also when nobody vetoes any more."""

    class Slow(SimpleLifetime):
        def leave(self, sequence: ShutdownSequence) -> None:
            end = self.clock() + 1.0
            while self.clock() < end:
                self.turn(end - self.clock())
            super().leave(sequence)

    under(world, Slow)


@breaks(1)
def takes_back_too_late(world: World) -> None:
    """It can always be talked into going on, although its doors have closed."""

    class Generous(SimpleLifetime):
        def resume(self) -> None:
            if self.simple is None:
                super().resume()
            self.simple = None
            self.enter(Phase.RUNNING)

    under(world, Generous)


@breaks(2)
def tells_newcomers_the_last_phase_only(world: World) -> None:
    class Brief(SimpleLifetime):
        def ask(self, dispatcher: Any, phase: int, time_in_phase: float) -> bool:
            self.heard[dispatcher] = phase
            return super().ask(dispatcher, phase, time_in_phase)

    under(world, Brief)


@breaks(8)
def dies_of_a_hook(world: World) -> None:
    """An exception in one hook ends them all."""

    class Fragile(SimpleLifetime):
        def failed(self) -> bool:
            raise

    under(world, Fragile)
