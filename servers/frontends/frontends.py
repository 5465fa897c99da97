"""FrontEnds: holds phase 1 until whoever sends us traffic was seen to look elsewhere.

It owns the state that all dialects translate, and takes part in the shutdown for them: in phase 1
it vetoes with the names of those who have not acted yet.  The minimum and the maximum of phase 1
are the Lifetime's (`Patience`).
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Coroutine, Mapping

import lifetime as lifetime_module
from lifetime import Dispatcher, Lifetime, Phase, Veto, event_driven
from servers.frontends.followers import REMEMBER, SETTLE, Followers
from servers.frontends.state import Availability, availability

log = logging.getLogger("servers")

#: So many are named in a veto.
NAMED = 3

#: So many characters of why a check fails are told.
MAX_REASON = 200

#: Seconds before the end of patience at which we let go by ourselves: a front end that does not
#: act is worth a warning, but the stop is orderly all the same, for nothing has been cut.
LET_GO = 0.02


class FrontEnds(Dispatcher):
    """What all front ends of one server are told, and what was seen of them.

    starting: nobody is to send anything before `ready()` was called.
    checks: by name, what must not raise, nor return False, for us to be ready.  Called in the loop
        for each probe, so none may wait for anything.
    remember: who was seen in so many seconds before a shutdown is waited for.
    settle: seconds in which a front end acts on what it was just told.
    load: None, or a callable that says how busy we are, 0.0 to 1.0; for weights.
    maintenance: an operator wants no traffic here.
    agent_was_told: a HAProxy has read in this withdrawal that it is to drain us.
    served_elsewhere: another process serves at our addresses, so nobody need look elsewhere.
    """

    announces_changes = True
    shutdown_name = "front ends"

    def __init__(
        self,
        lifetime: Lifetime | None = None,
        *,
        starting: bool = False,
        checks: Mapping[str, Callable[[], object]] | None = None,
        remember: float = REMEMBER,
        settle: float = SETTLE,
        load: Callable[[], float] | None = None,
    ) -> None:
        self.lifetime = lifetime_module.default() if lifetime is None else lifetime
        super().__init__(None, self.lifetime.map)
        self.followers = Followers(remember, settle)
        self.checks = dict(checks or {})
        self.load = load
        self.started = not starting
        self.maintenance = False
        self.served_elsewhere = False
        self.agent_was_told = False
        self._gave_up = False  # in this withdrawal, on those who do not act
        # A descriptor is how one is in the map; this one never has anything to say.
        self.set_socket(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._end_subscription = self.lifetime.on_phase(self._phase_entered)

    # What front ends are told

    def ready(self) -> None:
        """The program has started: traffic is welcome."""
        self.started = True

    @property
    def availability(self) -> Availability:
        """The state that every dialect translates."""
        return availability(
            self.lifetime.phase,
            ready=self.started,
            maintenance=self.maintenance,
            failing=bool(self.checks and self.failures()),
        )

    def failures(self) -> dict[str, str]:
        """Which checks fail, and why, in a few words of one line."""
        failures = {}
        for name, check in self.checks.items():
            reason = why_failing(check)
            if reason is not None:
                failures[name] = reason
        return failures

    @property
    def seconds_in_phase(self) -> float:
        """For how long the current phase of a shutdown has lasted; 0 while running."""
        sequence = self.lifetime.sequence
        return 0.0 if sequence is None else max(self.lifetime.clock() - sequence.entered, 0.0)

    def section(self) -> dict[str, object]:
        """What an operator's display shows of us; see `lifetime.console`."""
        return {"front_ends": self.followers.overview(self.lifetime.clock())}

    # The shutdown

    def _phase_entered(self, phase: Phase) -> None:
        if phase is Phase.WITHDRAWING:
            self.followers.withdraw(self.lifetime.clock())
            self._gave_up = self.agent_was_told = False
        elif phase is Phase.RUNNING:
            self.followers.resume(self.lifetime.clock())

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Phase 1: veto until all front ends seen lately have acted.  Phase 2: leave the map."""
        if phase >= Phase.REFUSING:
            self.close()
            return None
        if self.served_elsewhere:
            return None
        now = self.lifetime.clock()
        # By name, so that it is the same veto although another one asks last.
        names = sorted(self.followers.waited_for(now))
        if not names:
            return None
        described = [self.followers.describe(name, now) for name in names[:NAMED]]
        if len(names) > NAMED:
            described.append(f"and {len(names) - NAMED} more")
        reason = ", ".join(described)
        left = self._patience_left(now)
        if left <= 0:
            if not self._gave_up:
                self._gave_up = True
                log.warning("front ends are not waited for any longer: %s", reason)
            return None
        return Veto(reason, min(left, self.followers.next_change(now) or left))

    def _patience_left(self, now: float) -> float:
        sequence = self.lifetime.sequence
        return 0.0 if sequence is None else sequence.remaining(now) - LET_GO

    @event_driven
    def readable(self) -> bool:
        """We wait for nothing: the dialects hear."""
        return False

    @event_driven
    def writable(self) -> bool:
        """We wait for nothing: the dialects speak."""
        return False

    def close(self) -> None:
        """Hold no shutdown any more, and leave the map."""
        self._end_subscription()
        super().close()


def why_failing(check: Callable[[], object]) -> str | None:
    """Why a check fails, in a few words of one line; None: it passes."""
    try:
        passed = check()
    except (Exception, SystemExit) as error:  # it is somebody else's code, and no stop of ours
        return in_a_line(error)
    if isinstance(passed, Coroutine):
        passed.close()
        return "it is asynchronous, and nobody waits for it; give a function"
    return "it says so" if passed is False else None


def in_a_line(error: BaseException) -> str:
    """An exception's name, and what it says of itself, if it can."""
    try:
        text = str(error)[:MAX_REASON]
    except Exception:
        text = ""
    words = "".join(each if each.isprintable() else " " for each in text)
    return ": ".join(filter(None, (type(error).__name__, " ".join(words.split()))))
