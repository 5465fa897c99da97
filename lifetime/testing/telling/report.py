"""The report of a broken law: sentence, story, chart, and a test to paste."""

from __future__ import annotations

import sys

from lifetime.testing.simulation import Factory, Run
from lifetime.testing.telling.chart import chart
from lifetime.testing.telling.replay_text import replay_test
from lifetime.testing.telling.story import story


def report(factory: Factory, run: Run) -> str:
    """The whole tale of a run, as text."""
    parts = [story(run.scenario, run.trace, run.breach), chart(run.trace, breach=run.breach)]
    if run.breach is not None:
        parts.append(replay_test(run.scenario, name_of(factory), run.breach.law))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def name_of(factory: Factory) -> str:
    """`package.module:factory`, as it can be imported; no such name if it cannot.

    What a call has made, such as a function inside another, has the name that its module gave it.
    """
    module = getattr(factory, "__module__", "__main__")
    name: str = getattr(factory, "__qualname__", "<object>")
    if "<" in name:
        names = getattr(sys.modules.get(module), "__dict__", {})
        name = next((given for given, value in names.items() if value is factory), name)
    return f"{module}:{name}"
