"""PhaseOrderMachine: the laws as a state machine of Hypothesis, to be subclassed."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lifetime.testing.events import (
    Begin,
    Bystander,
    Connect,
    Event,
    Finish,
    HangUp,
    Hold,
    ReadOn,
    SetClock,
    Stop,
    Undo,
)
from lifetime.testing.events import Send as SendRequest
from lifetime.testing.stepping import SteppedWorld
from lifetime.testing.strategies import CLIENTS
from lifetime.testing.world.world import World

CLIENT = st.integers(1, CLIENTS)
REQUEST = st.integers(0, 3)


class PhaseOrderMachine(RuleBasedStateMachine):
    """Clients, an operator and time act on a server in any order; no law may break.

    Subclass it: `make_server(world)` builds the server, further rules do what only you know about.
    `self.stepped` is the world; `laws` are the numbers of the laws that count, None: all.
    """

    laws: ClassVar[tuple[int, ...] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.stepped = SteppedWorld(laws=self.laws)

    def make_server(self, world: World) -> object:
        """Build listeners, dispatchers and handlers, as a factory does."""
        raise NotImplementedError("a PhaseOrderMachine's subclass says make_server(self, world)")

    @classmethod
    def factory(cls, world: World) -> object:
        """The server alone, for `replay`: without what further rules do to it."""
        return cls().make_server(world)

    def happens(self, event: Event) -> None:
        """Let one event happen, unless all is over."""
        self.stepped.happens(event)

    @initialize()
    def the_server_starts(self) -> None:
        def factory(world: World) -> object:
            return self.make_server(world)

        # A report names what can be imported.
        factory.__module__ = type(self).__module__
        factory.__qualname__ = f"{type(self).__qualname__}.factory"
        self.stepped.start(factory)

    @rule(client=CLIENT)
    def a_client_connects(self, client: int) -> None:
        self.happens(Connect(client))

    @rule(client=CLIENT, request=REQUEST)
    def a_client_sends_a_request(self, client: int, request: int) -> None:
        self.happens(SendRequest(client, request))

    @rule(client=CLIENT, request=REQUEST)
    def a_client_begins_a_request(self, client: int, request: int) -> None:
        self.happens(Begin(client, request))

    @rule(client=CLIENT)
    def a_client_finishes_its_request(self, client: int) -> None:
        self.happens(Finish(client))

    @rule(client=CLIENT)
    def a_client_reads_no_more(self, client: int) -> None:
        self.happens(Hold(client))

    @rule(client=CLIENT)
    def a_client_reads_on(self, client: int) -> None:
        self.happens(ReadOn(client))

    @rule(client=CLIENT)
    def a_client_hangs_up(self, client: int) -> None:
        self.happens(HangUp(client))

    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 3.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.stepped.advance(seconds)

    @rule(by=st.sampled_from(["signal", "thread", "request"]), fast=st.booleans())
    def somebody_asks_for_a_stop(self, by: str, fast: bool) -> None:
        self.happens(Stop(by, fast))

    @rule()
    def somebody_takes_the_stop_back(self) -> None:
        self.happens(Undo())

    @rule(seconds=st.sampled_from([-3600.0, 3600.0]))
    def the_wall_clock_is_set(self, seconds: float) -> None:
        self.happens(SetClock(seconds))

    @rule(phase=st.integers(1, 3), vetoes=st.sampled_from([0.0, 0.7, 2.0]))
    def somebody_else_joins(self, phase: int, vetoes: float) -> None:
        self.happens(Bystander(phase, vetoes))

    @invariant()
    def no_law_is_broken(self) -> None:
        self.stepped.advance(0.0)

    def teardown(self) -> None:
        try:
            self.stepped.finish()
        finally:
            self.stepped.close()
