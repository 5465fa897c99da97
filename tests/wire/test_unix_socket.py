"""HTTP over a Unix socket."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from lifetime import Lifetime
from servers.http import HTTPListener
from tests.wire.pages import HELLO, TARGET, get


def test_it_is_served_like_any_other(serve, tmp_path: Path):
    served = serve(TARGET, unix=tmp_path / "socket")
    assert served.site.port is None
    assert served.site.url == f"http+unix:{tmp_path / 'socket'}"
    peer = served.connect().send(get("/a") + get("/b", "Connection: close"))
    assert [peer.read_reply()[2] for _ in range(2)] == [b"/a", b"/b"]
    assert peer.read_to_end() == b""


def test_the_file_is_gone_behind_a_stop(serve, tmp_path: Path):
    served = serve(HELLO, unix=tmp_path / "socket")
    assert stat.S_ISSOCK(os.stat(tmp_path / "socket").st_mode)
    served.stop()
    assert not (tmp_path / "socket").exists()


def test_a_file_that_is_another_server_s_by_now_stays(serve, tmp_path: Path):
    path = tmp_path / "socket"
    served = serve(HELLO, unix=path)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as successor:
        successor.bind(os.fspath(path))
        served.stop()
        assert path.exists()


def test_a_stale_file_is_replaced(serve, tmp_path: Path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    assert serve(HELLO, unix=path).ask(get("/hello"))[0] == 200


def test_a_socket_somebody_listens_on_is_not_taken_away(serve, tmp_path: Path):
    served = serve(HELLO, unix=tmp_path / "socket")
    with pytest.raises(OSError, match="socket"):
        HTTPListener(unix=tmp_path / "socket", lifetime=Lifetime())
    assert served.ask(get("/hello"))[0] == 200


def test_a_file_that_is_no_socket_is_not_taken_away(tmp_path: Path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(OSError, match="notes"):
        HTTPListener(unix=tmp_path / "notes", lifetime=Lifetime())
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_client_that_goes_away_in_the_middle_harms_nobody(serve, tmp_path: Path):
    served = serve(HELLO, unix=tmp_path / "socket")
    for data in (b"", b"GET /", get("/hello"), get("/hello") * 500):
        served.connect().send(data).sock.close()
    assert served.ask(get("/hello"))[0] == 200


def test_the_access_log_says_unix_in_place_of_an_address(serve, tmp_path: Path):
    served = serve(HELLO, unix=tmp_path / "socket", access_log=tmp_path / "log")
    served.ask(get("/hello"))
    served.stop()
    assert (tmp_path / "log").read_text().startswith("unix - - [")
