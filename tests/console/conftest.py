"""A place for consoles, a console, and a loop for it to stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifetime import Lifetime
from lifetime.console import Console
from tests.console.operators import Operator
from tests.console.running import RunningLoop


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runtime directory, where names are looked up."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    (tmp_path / "lifetime").mkdir(mode=0o700)
    return tmp_path / "lifetime"


@pytest.fixture
def life() -> Iterator[Lifetime]:
    """A Lifetime of one's own whose loop does not run."""
    life = Lifetime()
    yield life
    life.poller.close()


@pytest.fixture
def loop() -> Iterator[RunningLoop]:
    """A Lifetime whose loop runs in a thread."""
    with RunningLoop() as running:
        yield running


@pytest.fixture
def console(life: Lifetime) -> Iterator[Console]:
    """A console whose Lifetime does not run."""
    console = Console(life)
    yield console
    console.close()


@pytest.fixture
def served(loop: RunningLoop) -> Iterator[Console]:
    """A console whose Lifetime runs."""
    console = Console(loop.life, name="demo")
    yield console
    console.close()


@pytest.fixture
def operator(served: Console) -> Operator:
    """Somebody who gives commands to the console whose Lifetime runs."""
    return Operator(served)
