"""A server under observation: a process with an address, and the moment of its end."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from lifetime.testing.live.errors import CannotRun
from lifetime.testing.live.process_group import MARK, ProcessGroup
from lifetime.testing.live.tail import Tail

HOST = "127.0.0.1"
LAST_LINES = 5  # of what a server wrote that does not come up


def free_port(host: str = HOST) -> int:
    """A port nobody listens on now.  Does not keep it reserved."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def fill_in(command: Sequence[str], host: str, port: int) -> list[str]:
    """The command with `{host}` and `{port}` in its words replaced; other braces stay."""
    return [word.replace("{port}", str(port)).replace("{host}", host) for word in command]


class ServerProcess:
    """Run `command`, in a session of its own, until told to stop.

    command: `{port}` and `{host}` in it are replaced.
    port: where it will listen; None takes a free one.
    ready: seconds within which it accepts connections.
    Raises CannotRun if it does not come up.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int | None = None,
        *,
        ready: float = 20.0,
        cwd: Path | None = None,
    ) -> None:
        self.host = HOST
        self.port = free_port() if port is None else port
        self.ready = ready
        self.command = fill_in(command, self.host, self.port)
        self.code: int | None = None
        self.ended: float | None = None  # time.monotonic()
        self.over = threading.Event()
        self.cwd = cwd
        self.mark = secrets.token_hex(16)
        self.started = threading.Event()
        self.failed: Exception | None = None
        atexit.register(self.close)  # should Ctrl-C come between us and our caller's `with`
        # Started in the thread that waits for its end: Ctrl-C interrupts the main thread, and must
        # not do so between the fork and the moment when we know the pid.
        self.watcher = threading.Thread(target=self._run, daemon=True)
        self.watcher.start()
        try:
            self.started.wait()
            if self.failed is not None:
                raise CannotRun(_why_not_started(self.command[0], self.failed)) from self.failed
            self.come_up()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def log(self) -> str:
        """The last of what it has written to standard error."""
        self._settle()
        return self.errors.text

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines it wrote, to standard error if it wrote there."""
        self._settle()
        return self.errors.last_lines(LAST_LINES) or self.output.last_lines(LAST_LINES)

    def come_up(self) -> None:
        """Wait until it accepts connections.  Raises CannotRun if it does not."""
        deadline = time.monotonic() + self.ready
        while time.monotonic() < deadline:
            if self.over.is_set():
                raise self.failure("before it listened")
            if self.listening():
                return
            self.over.wait(0.02)
        raise self.failure(f"within {self.ready:g} s, the time --ready gives it")

    def failure(self, when: str) -> CannotRun:
        """Why it cannot be watched: it has ended, or it does not listen."""
        self.over.wait(0.2)  # of two events that belong together we may have seen the first
        if self.over.is_set():
            sentence = f"the server ended by itself {when}, with {describe_status(self.code)}"
            way_out = "start it by hand, and correct what it complains about"
            if self.code == 0:
                way_out = "let it stay in the foreground"
        else:
            sentence = f"nobody accepts connections at {self.host} port {self.port} {when}"
            way_out = "let the command listen at {host} and {port}, and stay in the foreground"
        return CannotRun(f"{sentence}; {way_out}", self.last_lines)

    def listening(self) -> bool:
        """Whether somebody accepts connections at its address now."""
        try:
            with socket.create_connection(self.address, timeout=1.0) as probe:
                # TCP connects a socket to itself if nobody listens on the port it was given.
                return bool(probe.getsockname() != probe.getpeername())
        except OSError:
            return False

    def signal(self, number: int) -> float:
        """Send a signal; return the monotonic time just before."""
        now = time.monotonic()
        if not self.over.is_set():
            with contextlib.suppress(ProcessLookupError):  # it has ended at this very moment
                os.kill(self.pid, number)
        return now

    def wait(self, timeout: float) -> tuple[int, float]:
        """Exit code and monotonic time of the end.  Raises TimeoutError if it goes on running."""
        if not self.over.wait(timeout) or self.code is None or self.ended is None:
            raise TimeoutError(f"still running after {timeout} s: {self.command}\n{self.log}")
        return self.code, self.ended

    def close(self) -> None:
        """End it and all it has started, whatever they are doing, and leave nothing behind."""
        self.started.wait()
        if self.failed is None:
            self.group.kill()
            self.watcher.join(5.0)
            self.output.close()
            self.errors.close()
        atexit.unregister(self.close)

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _settle(self) -> None:
        """A process that has ended may have left something to read."""
        if self.over.is_set() and self.errors.settle():
            self.output.settle()

    def _run(self) -> None:
        try:
            self._start()
        except (OSError, ValueError) as error:
            self.failed = error
            return
        finally:
            self.started.set()
        # A thread that blocks in waitpid() sees the end at once; Popen.wait(timeout) would look
        # every 50 ms.
        code = self.process.wait()
        self.ended = time.monotonic()
        self.code = code
        self.over.set()

    def _start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env={**os.environ, MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.group = ProcessGroup(self.process.pid, self.mark)
        assert self.process.stdout is not None and self.process.stderr is not None
        self.output = Tail(self.process.stdout)
        self.errors = Tail(self.process.stderr)


def describe_status(code: int | None) -> str:
    """An exit status as Popen gives it, in words."""
    return f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"


def _why_not_started(program: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and not os.path.exists(program):
        return f"there is no command {program!r}; check its name, or give its path"
    if isinstance(error, PermissionError):
        return f"{program!r} may not be executed; make it executable, or name its interpreter"
    return f"{program!r} cannot be started: {getattr(error, 'strerror', None) or error}; check it"
