"""Programs in processes of their own, and the stops of this one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]

#: Seconds; far above what anything here needs.
TOO_LONG = 30.0

#: What every program begins with.
PREAMBLE = """
import asyncio, atexit, os, signal, sys, threading, time
from lifetime.protection import *
def say(*words): os.write(1, (" ".join(map(str, words)) + "\\n").encode())
def ask(name): signal.raise_signal(getattr(signal, name))
"""


def run(program: str, *prefix: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; prefix: a command that runs it."""
    return subprocess.run(
        [*prefix, sys.executable, "-W", "error", "-c", PREAMBLE + dedent(program)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TOO_LONG,
        text=True,
    )


class Program:
    """A program that is talked to: it says lines, and is sent signals."""

    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PREAMBLE + dedent(program)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._watchdog = threading.Timer(TOO_LONG, self.process.kill)
        self._watchdog.start()

    def wait_for(self, line: str) -> None:
        """Read up to this line."""
        assert self.process.stdout is not None
        for said in self.process.stdout:
            if said.rstrip("\n") == line:
                return
        raise AssertionError(f"the program ended without saying {line!r}")

    def end(self) -> tuple[int, str, str]:
        """Its exit status, and what else it has said and complained."""
        output, errors = self.process.communicate(timeout=TOO_LONG)
        return self.process.returncode, output, errors

    def close(self) -> None:
        self._watchdog.cancel()
        self._watchdog.join()
        self.process.kill()
        self.process.communicate()


@contextmanager
def running(program: str) -> Iterator[Program]:
    """A program for as long as the `with` lasts."""
    running = Program(program)
    try:
        yield running
    finally:
        running.close()


def ask(number: int = signal.SIGTERM) -> None:
    """Ask this process to stop; its handler has run when this returns."""
    signal.raise_signal(number)


def ask_main_thread(number: int = signal.SIGTERM) -> None:
    """The same from another thread, without waiting for the handler."""
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, number)


def stop_of(function: Callable[[], object]) -> BaseException | None:
    """The exception by which this was stopped."""
    try:
        function()
    except (SystemExit, KeyboardInterrupt) as stop:
        return stop
    return None


def seconds_of(function: Callable[[], object]) -> float:
    """How long this takes."""
    begin = time.monotonic()
    function()
    return time.monotonic() - begin


@contextmanager
def in_thread(function: Callable[[], object]) -> Iterator[threading.Thread]:
    """Run this in another thread, which has ended with the `with`."""
    thread = threading.Thread(target=function)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(TOO_LONG)
        assert not thread.is_alive()
