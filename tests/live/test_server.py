"""A server under observation ends with all that it has started."""

from __future__ import annotations

import sys

import pytest

from lifetime.testing.live.errors import CannotRun
from lifetime.testing.live.server import ServerProcess
from tests.live.spoilt import command

CHATTY = """
import sys
for _ in range(3000):
    print("chatter " * 20, file=sys.stderr)
print("the last word", file=sys.stderr)
sys.exit("\\x1b[2Jno more")
"""


@pytest.mark.parametrize("name", ["LeavesAChild", "LeavesADaemon"])
def test_closing_it_ends_also_who_was_started_by_it(name: str) -> None:
    with ServerProcess(command(name)) as server:
        assert len(server.group.members()) == 2
    assert not server.group.members()


def test_one_that_does_not_come_up_is_ended() -> None:
    started: list[ServerProcess] = []

    class Observed(ServerProcess):
        def come_up(self) -> None:
            started.append(self)
            super().come_up()

    with pytest.raises(CannotRun):
        Observed(command("NeverListens"), ready=0.2)
    assert not started[0].group.members()


def test_what_it_writes_is_read_to_the_end_and_only_the_last_of_it_kept() -> None:
    with pytest.raises(CannotRun) as caught:
        ServerProcess([sys.executable, "-c", CHATTY, "{port}"])
    assert caught.value.lines[-2:] == ("the last word", " [2Jno more")
