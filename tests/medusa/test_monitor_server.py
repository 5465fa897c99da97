"""medusa's monitors and their clients, and what they put on the wire."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lifetime
from servers.medusa import monitor, monitor_client
from servers.monitor import Monitor
from tests.medusa.conftest import Running
from tests.servers.talking import hear, hear_until
from tests.wire.conftest import Peer

Run = Callable[..., Running]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("a", "cc175b9c0f1b6a831c399e269772661"),
        ("abc", "90150983cd24fb0d6963f7d28e17f72"),
        (b"test", "98f6bcd4621d373cade4e832627b4f6"),
        (b"x", "9dd4e461268c8034f5c8564e155c67a6"),
    ],
)
def test_a_digest_has_no_zeros_in_front(text: str | bytes, digest: str):
    assert monitor.hex_digest(text) == digest


def log_in(peer: Peer, password: str) -> None:
    """As medusa's client does."""
    stamp = hear_until(peer, b"\r\n").decode().rstrip()
    assert float(stamp) > 0
    peer.send(monitor.hex_digest(stamp + password).encode() + b"\r\n")


def test_the_dialogue_is_what_it_was(run: Run):
    """That of wire_text.json, from `monitor_zserver`, with what Python 3 says."""
    peer = run(monitor.secure_monitor_server("secret", "127.0.0.1", 0)).connect()
    log_in(peer, "secret")
    banner = hear_until(peer, b">>> ").decode()
    assert banner.startswith("Python " + sys.version.splitlines()[0])
    assert "\r\nWelcome to <servers.medusa.monitor.secure_monitor_channel connected 127.0" in banner
    for typed, answer in [
        ("1+1", "2\r\n>>> "),
        ("_", "2\r\n>>> "),
        ("x = 3", ">>> "),
        ("x", "3\r\n>>> "),
        ("'a'", "'a'\r\n>>> "),
        ("for i in range(2):", "... "),
        ("  print(i)", "... "),
        ("", "0\r\n1\r\n>>> "),
        ('print("a\\nb")', "a\r\nb\r\n>>> "),
        ("", ">>> "),
        ("None", ">>> "),
    ]:
        peer.send(typed.encode() + b"\r\n")
        hear(peer, answer)
    assert peer.send(b"exit\r\n").read_to_end() == b"BCNU\r\n"


def test_a_wrong_password_is_answered_with_nothing(run: Run):
    peer = run(monitor.secure_monitor_server("secret", "127.0.0.1", 0)).connect()
    hear_until(peer, b"\r\n")
    assert peer.send(b"wrong\r\n").read_to_end() == b""


def test_a_long_line_ends_the_session(run: Run):
    peer = run(monitor.secure_monitor_server(b"secret", "127.0.0.1", 0)).connect()
    log_in(peer, "secret")
    hear_until(peer, b">>> ")
    assert peer.send(b"#" * 1025 + b"\r\n").read_to_end() == b"BCNU\r\n"


def test_a_monitor_without_password_serves_this_machine(run: Run):
    server: Any = monitor.monitor_server(port=0)
    running = run(server)
    assert server.getsockname()[0] == "127.0.0.1"
    peer = running.connect()
    hear_until(peer, b">>> ")
    peer.send(b"len(globals()) > 0\r\n")
    hear(peer, "True\r\n>>> ")
    assert b"<b>Total Sessions:</b> 1" in server.status().more()


def test_everywhere_has_to_be_said_in_so_many_words():
    server = monitor.secure_monitor_server("secret", "", 0)
    assert server.addr[0] == "127.0.0.1"
    server.close()
    server = monitor.secure_monitor_server("secret", "0.0.0.0", 0)
    assert server.addr[0] == "0.0.0.0"
    server.close()


def test_an_empty_password_is_refused():
    with pytest.raises(ValueError, match="needs a password"):
        monitor.secure_monitor_server("", "127.0.0.1", 0)
    assert not lifetime.default().map


def test_a_subclass_changes_the_prompt(run: Run):
    class polite_channel(monitor.monitor_channel):
        def prompt(self):
            self.push('yes please? ')

    class polite_server(monitor.monitor_server):
        channel_class = polite_channel

    peer = run(polite_server('127.0.0.1', 0)).connect()
    hear_until(peer, b"yes please? ")
    peer.send(b"6*7\r\n")
    hear(peer, "42\r\nyes please? ")


class Rot:
    """A cipher that keeps nobody out, but knows how far it is."""

    @staticmethod
    def new(password: bytes) -> Rot:
        return Rot()

    def __init__(self) -> None:
        self.at = 0

    def _apply(self, data: bytes, sign: int) -> bytes:
        moved = bytes((byte + sign * (self.at + n)) % 256 for n, byte in enumerate(data))
        self.at += len(data)
        return moved

    def encrypt(self, data: bytes) -> bytes:
        return self._apply(data, 1)

    def decrypt(self, data: bytes) -> bytes:
        return self._apply(data, -1)


def test_an_encrypted_session(run: Run):
    class encrypted_server(monitor.secure_monitor_server):
        channel_class = monitor.secure_encrypted_monitor_channel
        cipher = Rot

    peer = run(encrypted_server("secret", "127.0.0.1", 0)).connect()
    incoming, outgoing = Rot(), Rot()

    def read_to(end: bytes) -> bytes:
        heard = b""
        while not heard.endswith(end):
            heard += incoming.decrypt(peer.read(1))
        return heard

    stamp = read_to(b"\r\n").decode().strip()
    peer.send(outgoing.encrypt(monitor.hex_digest(stamp + "secret").encode() + b"\r\n"))
    read_to(b">>> ")
    peer.send(outgoing.encrypt(b"print('x' * 50000)\r\n"))
    assert read_to(b">>> ") == b"x" * 50000 + b"\r\n>>> "


# -- clients -----------------------------------------------------------------------------------


def session(module: str, port: int, password: str, typed: str) -> tuple[int, str, str]:
    """A client's process, with `typed` for its input: exit status, output, errors."""
    program = (
        f"import getpass, sys; getpass.getpass = lambda *_: {password!r}\n"
        f"from servers.medusa import {module}\n"
        f"sys.exit({module}.main(['127.0.0.1', '{port}']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=typed,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("module", ["monitor_client", "monitor_client_win32"])
@pytest.mark.parametrize("kind", [Monitor, monitor.secure_monitor_server])
def test_a_client_types_and_reads(run: Run, module: str, kind: Any):
    if kind is Monitor:
        server = Monitor(("127.0.0.1", 0), "secret")
    else:
        server = monitor.secure_monitor_server("secret", "127.0.0.1", 0)
    running = run(server)
    status, output, errors = session(module, running.port, "secret", "6*7\n")
    assert (status, errors) == (0, "")
    assert output.startswith("Python 3")
    assert output.endswith("\n>>> 42\n>>> BCNU\n")


def test_a_client_with_a_wrong_password_ends(run: Run):
    running = run(monitor.secure_monitor_server("secret", "127.0.0.1", 0))
    assert session("monitor_client", running.port, "guess", "1\n")[:2] == (0, "")


def test_a_client_that_finds_nobody_says_so():
    status, _, errors = session("monitor_client", 1, "secret", "")
    assert status == 0
    assert errors.startswith("the monitor cannot be used: [Errno")


def test_an_encrypted_client_needs_a_cipher():
    with pytest.raises(ValueError, match="needs a cipher"):
        monitor_client.encrypted_monitor_client("secret")
