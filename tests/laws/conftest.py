"""Thousands of drawn shutdowns: nobody reads their logs, and how many there are can be chosen.

`pytest tests/laws` draws as many examples as Hypothesis does by default.  Two profiles draw others:
`--hypothesis-profile=thorough` looks longer, `--hypothesis-profile=mutation` is for mutmut, which
runs the laws once for each of a thousand mutants: few examples, always the same ones, and no
shrinking, for nobody wants to understand these failures.  test_shutdown_laws.py has a number of its
own, which no profile changes.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings

settings.register_profile("thorough", max_examples=2000)
settings.register_profile(
    "mutation",
    max_examples=40,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)


@pytest.fixture(autouse=True, scope="module")
def silence() -> Iterator[None]:
    """No log records while the laws are tried."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def bound() -> Iterator[None]:
    """A law that does not come to an end fails, after far more work than any of them needs."""
    seconds = settings.default.max_examples / 2

    def give_up(number: int, frame: object) -> None:
        # Derived from BaseException, so that no catch-all of the loop takes it for a handler's.
        pytest.fail(f"not over after {seconds:.0f} s of the processor's time")

    # The processor's time, for the machine may be busy; once a second from then on, to be sure.
    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1.0)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """For the tests that do read the log of the package; enabled while one of them runs."""
    caplog.set_level(logging.DEBUG, "lifetime")
    return caplog
