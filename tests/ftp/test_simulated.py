"""The control connection in simulated worlds: every order of clients, stops and bad luck.

Data connections are left to real sockets: the harness's clients have one connection each.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lifetime.testing import Lines, World, check_dispatcher
from servers.ftp import FTPListener, anonymous


@pytest.mark.parametrize("seed", [0, 1])
def test_sessions_obey_the_laws(tmp_path: Path, seed: int):
    def server(world: World) -> None:
        world.speaks(Lines("NOOP", "SYST", "PWD", greeting=1, goodbye="421"))
        FTPListener("127.0.0.1", 0, authorizer=anonymous(tmp_path))

    check_dispatcher(server, examples=100, seed=seed)
