"""The verbs that every server of ours understands: reload, withdraw, resume, patience, loglevel.

They run in the loop's thread, see verbs.py.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import replace

from lifetime import Dispatcher, Lifetime, Phase, TooLate, Veto
from lifetime.console.display import seconds
from lifetime.console.events import ECB
from lifetime.console.hub import Console
from lifetime.console.verbs import Refusal

log = logging.getLogger("lifetime.console")

#: A service is withdrawn for so many seconds unless the operator says another time.
WITHDRAWN = 86400.0

#: Seconds behind the end of a withdrawal for which phase 1 would still wait.
MARGIN = 1.0

LEVELS = ("debug", "info", "warning", "error", "critical")


class ServerVerbs:
    """Adds the verbs to a console.

    loggers: whose level `loglevel` changes.
    """

    def __init__(self, console: Console, loggers: Iterable[str] = ("lifetime",)) -> None:
        self.console = console
        self.life = console.life
        self.loggers = tuple(loggers)
        console.on_modify("reload", self.reload, "open log files anew")
        console.on_modify("withdraw", self.withdraw, "let front ends look elsewhere: [SECONDS]")
        console.on_modify("resume", self.resume, "take a withdrawal or a stop back, in phase 1")
        console.on_modify("patience", self.patience, "how long one phase waits: SECONDS")
        console.on_modify("loglevel", self.loglevel, f"one of {', '.join(LEVELS)}")

    def reload(self, argument: str) -> str:
        """Open log files anew; an application that has more to reload registers its own."""
        _no_argument("reload", argument)
        self.life.reopen_logs()
        return "log files are open anew"

    def withdraw(self, argument: str) -> str:
        """Enter phase 1, and stay there until `resume`, a stop, or the end of the time."""
        wanted = _time("withdraw", argument) if argument else WITHDRAWN
        life = self.life
        if life.phase is not Phase.RUNNING:
            raise Refusal(f"it is in phase {int(life.phase)} already", rc=4)
        Withdrawal(self.console, wanted)
        life.shutdown()
        return f"withdrawn; it stops in {seconds(wanted)}, or with p, unless resume takes it back"

    def resume(self, argument: str) -> str:
        """Serve on."""
        _no_argument("resume", argument)
        life = self.life
        if life.phase is Phase.RUNNING:
            raise Refusal("it is running", rc=4)
        try:
            life.resume()
        except TooLate as error:
            raise Refusal(str(error)) from error
        return "serving on"

    def patience(self, argument: str) -> str:
        """Seconds for which one phase honours a veto, also in a stop that goes on."""
        wanted = _time("patience", argument)
        self.life.change_patience(replace(self.life.patience, phase=wanted))
        return f"one phase waits for {seconds(wanted)} at most"

    def loglevel(self, argument: str) -> str:
        """What is said in the log."""
        level = argument.casefold()
        if level not in LEVELS:
            raise Refusal(f"{argument!r} is no level; give one of {', '.join(LEVELS)}")
        for name in self.loggers:
            logging.getLogger(name).setLevel(level.upper())
        return f"messages of level {level} and above are logged"


class Withdrawal(Dispatcher):
    """Holds phase 1 until a stop is asked for, or its time is over, which is as good as a stop.

    It is in the map for the sake of its veto alone.
    """

    shutdown_name = "operator"

    def __init__(self, console: Console, seconds: float) -> None:
        life = console.life
        super().__init__(None, life.map)
        self.console = console
        self.life: Lifetime = life
        self.before = life.patience
        self.began = life.clock()
        life.change_patience(
            replace(
                self.before,
                deadline=None,
                withdraw_minimum=0.0,
                # We let go by ourselves: who runs out of patience is not orderly any more.
                withdraw_maximum=seconds + MARGIN,
            )
        )
        self._over = False
        self._timer = life.call_later(seconds, self._time_is_over)
        console.withdrawn = True
        self._event = ECB()
        self._fileno = self._event.fileno()
        self._unsubscribe = life.on_phase(self.phase_entered)
        self.add_channel()

    def readable(self) -> bool:
        """Nothing is ever read."""
        return False

    def writable(self) -> bool:
        """Nothing is ever written."""
        return False

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        """Stay in phase 1 while nobody asks for a stop."""
        if phase == Phase.WITHDRAWING and not self._over and not self.life.repetitions:
            return Veto("the service is withdrawn")
        self.end()
        self.console.stop_has_begun()
        return None

    def _time_is_over(self) -> None:
        self._over = True
        self.life.change_patience(self.life.patience)  # then everybody is asked again

    def phase_entered(self, phase: Phase) -> None:
        """The patience of phase 1 has ended, or the withdrawal was taken back."""
        if phase is not Phase.WITHDRAWING:
            self.end()

    def end(self) -> None:
        """From now on patience is what it was before, and a deadline is counted from now."""
        if self._fileno is None:
            return
        self._unsubscribe()
        self._timer.cancel()
        self.close()
        self.console.withdrawn = False
        before = self.before
        deadline = before.deadline
        if deadline is not None and self.life.sequence is not None:
            deadline += self.life.clock() - self.began
        # What an operator has changed meanwhile stays.
        self.life.change_patience(
            replace(
                self.life.patience,
                deadline=deadline,
                withdraw_minimum=before.withdraw_minimum,
                withdraw_maximum=before.withdraw_maximum,
            )
        )


def _no_argument(word: str, argument: str) -> None:
    if argument:
        raise Refusal(f"{word} takes nothing behind it, and {argument!r} stands there")


def _time(word: str, argument: str) -> float:
    try:
        value = float(argument)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and 0 <= value <= WITHDRAWN):
        raise Refusal(f"{argument!r} is not a time; give seconds, such as {word}=10")
    return value
