"""An FTP server in a thread, clients over raw sockets, and a stop that is held in a phase."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lifetime import Dispatcher, Lifetime, Patience, Phase, Veto
from servers.ftp import Authorizer, FTPLimits, FTPListener
from tests.ftp.control import Control

EVERYTHING = "elradfmwMT"

#: No second is spent on a wrong password here, or on a client that does not hang up.
QUICK = FTPLimits(login_delay=0.01, quiet_time=0.3, linger_time=0.3)


class Served:
    """A listener that runs in a thread of its own, on a Lifetime of its own."""

    def __init__(self, lifetime: Lifetime, listener: FTPListener) -> None:
        self.lifetime = lifetime
        self.listener = listener
        self._controls: list[Control] = []
        self._holds: list[Hold] = []
        self.thread = threading.Thread(target=lifetime.loop, name="the server's loop")
        self.thread.start()

    def connect(self) -> Control:
        """A new control connection, behind its greeting."""
        control = self.connect_silently()
        assert control.reply() == "220 FTP server ready."
        return control

    def connect_silently(self) -> Control:
        """A new control connection; nothing has been read from it."""
        control = Control(socket.create_connection(self.listener.addr[:2], 10.0))
        self._controls.append(control)
        return control

    def log_in(self) -> Control:
        """A control connection of the user that may do everything."""
        control = self.connect()
        assert control.ask("USER ann") == "331 Username ok, send password."
        assert control.ask("PASS secret").startswith("230 ")
        assert control.ask("TYPE I").startswith("200 ")
        return control

    def in_loop(self, call: Callable[[], Any]) -> Any:
        """What `call()` returns in the server's thread."""
        done = threading.Event()
        result: list[Any] = []

        def run() -> None:
            result.append(call())
            done.set()

        self.lifetime.call_soon_threadsafe(run)
        assert done.wait(10)
        return result[0]

    def stop(self, phase: Phase) -> Hold:
        """Ask for a stop, and hold it in `phase`."""
        hold = Hold(self, phase)
        self._holds.append(hold)
        self.lifetime.shutdown()
        assert hold.reached.wait(10)
        return hold

    def ended(self) -> Any:
        """Wait for the end; the report of the stop."""
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.lifetime.report

    def end(self) -> None:
        """End everything at once and wait for the thread."""
        for hold in self._holds:
            hold.release()
        for control in self._controls:
            control.close()
        self.lifetime.shutdown(fast=True)
        self.thread.join(10.0)
        assert not self.thread.is_alive()
        assert not self.listener.engine.socket_map


class Hold(Dispatcher):
    """Keeps a stop in one phase until it is released."""

    def __init__(self, served: Served, phase: Phase) -> None:
        self.served = served
        self.phase = phase
        self.reached = threading.Event()
        self.released = False
        self.near, self.far = socket.socketpair()
        served.in_loop(self.join)

    def join(self) -> None:
        super().__init__(self.near, self.served.lifetime.map)

    def clean_shutdown_control(self, phase: int, time_in_phase: float) -> object:
        if phase == self.phase and not self.released:
            self.reached.set()
            return Veto("the test looks on")
        return None

    def release(self) -> None:
        if not self.released:
            self.released = True
            self.served.lifetime.call_soon_threadsafe(self.close)

    def close(self) -> None:
        self.far.close()
        super().close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is served: a small file, a large one, and a folder."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"hello\n")
    (root / "large.bin").write_bytes(bytes(range(256)) * 65536)  # 16 MB, more than sockets hold
    return root


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Served]]:
    """serve(**settings of FTPListener): a server with users ann (everything) and anonymous."""
    running: list[Served] = []

    def start(*, patience: Patience | None = None, **settings: Any) -> Served:
        authorizer = Authorizer()
        authorizer.add_user("ann", "secret", str(folder), perm=EVERYTHING)
        authorizer.add_anonymous(str(folder))
        lifetime = Lifetime(patience=patience or Patience(fast=0.2))
        settings.setdefault("authorizer", authorizer)
        settings.setdefault("limits", QUICK)
        listener = FTPListener("127.0.0.1", 0, lifetime=lifetime, **settings)
        running.append(Served(lifetime, listener))
        return running[-1]

    yield start
    for served in running:
        served.end()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A server that needs no settings of its own."""
    return serve()


