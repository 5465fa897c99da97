"""Where the simulation ends: what it cannot show, said in a sentence."""

from __future__ import annotations

#: For factories, which build a server and return.
NO_LOOP = (
    "the world runs its own loop: take asyncore.loop(), lifetime.loop() and lifetime.run() out of"
    " the factory"
)


class SimulationLimit(BaseException):
    """Code under test did what a simulated world cannot do; the message names the way out.

    No Exception, so that a server's own catch-all does not swallow it.
    """


class RunOver(BaseException):
    """Ends a run from within, past every catch-all of the server."""
