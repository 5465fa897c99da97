"""The files of Unix sockets are simulated; those of the real system are left alone."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from lifetime.testing import Scenario, World, simulate
from lifetime.testing.trace import Did
from servers.http import HTTPListener

PATH = "/run/of-a-simulated-world"


@pytest.fixture
def world() -> World:
    return World()


def bind(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    return sock


def test_a_path_is_there_from_bind_to_unlink(world: World) -> None:
    with world.active(), bind(PATH):
        assert stat.S_ISSOCK(os.stat(PATH).st_mode)
        assert os.lstat(PATH).st_ino == os.stat(PATH).st_ino
        os.chmod(PATH, 0o600)
        os.unlink(PATH)
        assert not os.path.exists(PATH)


def test_a_path_that_is_there_is_in_use_even_if_nobody_listens(world: World) -> None:
    with world.active():
        bind(PATH).close()
        with pytest.raises(OSError, match="in use"):
            bind(PATH)
        os.remove(PATH)
        bind(PATH).close()


def test_a_real_socket_is_not_there_and_stays(world: World, tmp_path: Path) -> None:
    path = str(tmp_path / "real")
    with bind(path):
        with world.active():
            assert not os.path.exists(path)
            with pytest.raises(FileNotFoundError):
                os.unlink(path)
        assert os.path.exists(path)


def test_a_real_file_is_there(world: World, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with world.active():
        assert os.path.exists(file)
        os.remove(file)
    assert not file.exists()


def test_a_server_that_leaves_its_file_breaks_law_9() -> None:
    def factory(world: World) -> None:
        bind(PATH).close()

    run = simulate(factory, Scenario())
    assert run.breach is not None
    assert (run.breach.law, PATH in run.breach.sentence) == (9, True)


def test_our_listener_takes_its_file_away() -> None:
    run = simulate(lambda world: HTTPListener(unix=PATH), Scenario())
    assert (run.breach, [each for each in run.trace if each.did is Did.LEAK]) == (None, [])
