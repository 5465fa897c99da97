"""Packages of others that tests run on our engine."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: For a process that runs elsewhere: the project comes first on its path, its warnings are its own.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"},
    "PYTHONPATH": str(ROOT),
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


def installed(name: str, wanted: str) -> None:
    """This version of a package is here, or the test is skipped; in the build it fails.

    name, wanted: as in the extra `suites`.
    """
    try:
        found = version(name)
    except PackageNotFoundError:
        found = "none"
    if found == wanted:
        return
    sentence = f"needs {name} {wanted}, found {found}: pip install 'lifetime-servers[suites]'"
    if os.environ.get("CI_SUITES"):
        pytest.fail(sentence)
    pytest.skip(sentence)
