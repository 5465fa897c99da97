"""A plugin for pytest: supervisor's tests on our medusa.

    python -m pytest -p tests.suites.switched --pyargs supervisor.tests

A plugin, for it is imported before anything of supervisor is.
"""

from __future__ import annotations

import sys

import servers.legacy

servers.legacy.install(replace=["supervisor.medusa"])


def pytest_collection_finish() -> None:
    """By now supervisor is imported.  Raises RuntimeError if it has come upon its own medusa."""
    for name in [name for name in sys.modules if name.startswith("supervisor.medusa")]:
        origin = sys.modules[name].__name__
        if not origin.startswith("servers.medusa"):
            raise RuntimeError(f"{name} is {origin}: something has imported it before the switch")
