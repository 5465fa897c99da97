"""LIFETIME_PURE_PYTHON=1 leaves the lane aside, and every promise holds without it, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.server import PROJECT

PROMISES = ("test_patched.py", "test_remembered.py", "test_sockets.py", "test_the_poller.py")

LOOK = """
import sys
from types import FunctionType
from servers import compiled
from servers.http.express import ExpressLane
from servers.http.request import Request
from lifetime.poller import Poller
ours = [vars(ExpressLane)["handle_read_event"], vars(Request)["push"], vars(Poller)["_serve"]]
print(compiled.lane is not None, "servers._lane" in sys.modules,
      *(not isinstance(each, FunctionType) for each in ours))
"""


def run(*command: str, pure: str | None) -> str:
    """What a Python says, with that setting or none."""
    environment = {k: v for k, v in os.environ.items() if k != "LIFETIME_PURE_PYTHON"}
    if pure is not None:
        environment["LIFETIME_PURE_PYTHON"] = pure
    result = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=100.0,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("setting, uses_it", [(None, True), ("", True), ("1", False)])
def test_the_environment_decides_whether_the_lane_is_used(setting, uses_it):
    assert run("-c", LOOK, pure=setting).split() == [str(uses_it)] * 5


def test_every_promise_of_this_folder_holds_without_the_lane():
    folder = Path(__file__).parent
    files = [str(folder / name) for name in PROMISES]
    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *files, pure="1")
    assert " passed" in said
    assert "skipped" not in said
