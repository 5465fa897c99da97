"""Calls that do not let go of the interpreter do what Python's own do, and without ctypes too."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from lifetime.console import prompt_calls


@pytest.fixture(params=["through ctypes", "Python's own"])
def calls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways, on a system that has both."""
    if request.param == "Python's own":
        monkeypatch.setattr(prompt_calls, "_C", None)
    elif prompt_calls._C is None:
        pytest.skip("no ctypes for this system")


@pytest.fixture
def listener(tmp_path: object) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/socket")
        listener.listen()
        listener.setblocking(False)
        yield listener


@pytest.fixture
def pair(listener: socket.socket, calls: None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A peer, and its connection as it was accepted."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(listener.getsockname())
        with prompt_calls.accept(listener) as sock:
            yield peer, sock


Pair = tuple[socket.socket, socket.socket]


def test_nobody_waits(listener: socket.socket, calls: None) -> None:
    with pytest.raises(BlockingIOError):
        prompt_calls.accept(listener)


def test_what_is_accepted_does_not_block_and_is_not_inherited(pair: Pair) -> None:
    _, sock = pair
    assert (sock.gettimeout(), os.get_blocking(sock.fileno())) == (0.0, False)
    assert (sock.get_inheritable(), sock.type, sock.family) == (
        False,
        socket.SOCK_STREAM,
        socket.AF_UNIX,
    )


def test_there_is_nothing_yet(pair: Pair) -> None:
    with pytest.raises(BlockingIOError):
        prompt_calls.receive(pair[1], 10)


def test_what_has_come_is_read_as_far_as_asked(pair: Pair) -> None:
    peer, sock = pair
    peer.sendall(b"one\0two")
    assert (prompt_calls.receive(sock, 5), prompt_calls.receive(sock, 5)) == (b"one\0t", b"wo")


def test_the_end_is_empty(pair: Pair) -> None:
    peer, sock = pair
    peer.close()
    assert prompt_calls.receive(sock, 10) == b""


def test_what_is_sent_arrives(pair: Pair) -> None:
    peer, sock = pair
    assert prompt_calls.send(sock, b"a\0b") == 3
    assert peer.recv(10) == b"a\0b"


def test_when_there_is_no_room_it_is_said_as_python_does(pair: Pair) -> None:
    _, sock = pair
    with pytest.raises(BlockingIOError):
        while prompt_calls.send(sock, bytes(65536)):
            pass


def test_sending_to_nobody_is_an_error_and_no_signal(pair: Pair) -> None:
    peer, sock = pair
    peer.close()
    with pytest.raises(BrokenPipeError):
        prompt_calls.send(sock, b"x")


def test_what_is_closed_is_closed_for_the_peer_and_twice_is_once(pair: Pair) -> None:
    peer, sock = pair
    prompt_calls.close(sock)
    prompt_calls.close(sock)
    assert (peer.recv(10), sock.fileno()) == (b"", -1)


def test_a_closed_socket_is_said_as_python_does(pair: Pair) -> None:
    _, sock = pair
    sock.close()
    with pytest.raises(OSError) as raised:
        prompt_calls.receive(sock, 10)
    assert raised.value.errno == errno.EBADF


def test_without_descriptors_it_is_said_as_python_does(
    listener: socket.socket, calls: None
) -> None:
    kept = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(listener.getsockname())
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, kept[1]))
        try:
            with pytest.raises(OSError) as raised:
                prompt_calls.accept(listener)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, kept)
    assert raised.value.errno == errno.EMFILE
