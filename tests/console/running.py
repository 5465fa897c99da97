"""A Lifetime that runs in a thread, until the test ends or a stop ends it."""

from __future__ import annotations

import threading
from types import TracebackType

from lifetime import Dispatcher, Lifetime, Phase, Veto
from lifetime.console import ECB, wait_any

#: Seconds; far above what anything here needs.
PATIENCE = 20.0


class Member(Dispatcher):
    """Keeps the loop running, and holds a phase for as long as it is told to.

    holds: the phase it does not let go.
    """

    shutdown_name = "member"

    def __init__(self, life: Lifetime) -> None:
        super().__init__(None, life.map)
        self.holds: int | None = None
        self._event = ECB()
        self._fileno = self._event.fileno()
        self.add_channel()

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == self.holds:
            return Veto("busy with it")
        if phase == Phase.DRAINING:
            self.close()
        return None


class RunningLoop:
    """The loop, its thread, and its one member.

    in_phase: posted, by phase, when the loop has entered it.
    """

    def __init__(self) -> None:
        self.life = Lifetime()
        self.member = Member(self.life)
        self.in_phase = {phase: ECB() for phase in Phase}
        self.life.on_phase(lambda phase: self.in_phase[phase].post())
        self._begun = threading.Event()
        self.thread = threading.Thread(target=self.life.loop, daemon=True)

    def __enter__(self) -> RunningLoop:
        self.life.call_soon_threadsafe(self._begun.set)
        self.thread.start()
        assert self._begun.wait(PATIENCE)
        return self

    def settle(self) -> None:
        """Return when everybody was asked who is asked at the beginning of a phase."""
        for _ in range(2):  # there is a turn of the loop between the entry and the asking
            done = ECB()
            self.life.call_soon_threadsafe(done.post)
            assert wait_any([done], PATIENCE)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.member.holds = None
        self.life.shutdown(fast=True)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        self.life.poller.close()
