"""The figures of the operator console: how soon a command, an event and a timer are noticed.

`python -m tests.benchmarks.console [--seconds 5]` prints each figure beside what it is to reach
(part B7 of the specification), and exits with 1 if one is missed.  Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lifetime import Lifetime
from lifetime.console import ECB, Console, Timer, client, threads, wait_any
from lifetime.console.sources.unix_socket import UnixSocket

ROUNDS = 1000


@dataclass
class Figure:
    """One line of the table: what was measured, in milliseconds or pieces, and its limit."""

    what: str
    measured: str
    aim: str
    reached: bool


def distribution(seconds: list[float]) -> str:
    """Median, 99th percentile and worst, in milliseconds."""
    return (
        f"median {statistics.median(seconds) * 1e3:.3f} ms, p99 {p99(seconds) * 1e3:.3f} ms,"
        f" worst {max(seconds) * 1e3:.3f} ms"
    )


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99) - 1]


class Served:
    """A console at a path, whose callback notes when it began."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.console = Console(Lifetime())
        source = UnixSocket(f"{self.folder.name}/console")
        self.console.open(source)
        self.path = source.path
        self.began = 0.0
        self.console.acb(self.called, [])

    def called(self, args: object, qedit: object) -> None:
        self.began = time.perf_counter()

    def command(self) -> float:
        """Seconds from the client's write to the beginning of the callback."""
        with client.connect(self.path) as sock:
            written = time.perf_counter()
            sock.sendall(b"f text\n")
            while sock.recv(4096):
                pass
        return self.began - written

    def close(self) -> None:
        self.console.close()
        self.folder.cleanup()


@contextmanager
def served() -> Iterator[Served]:
    console = Served()
    try:
        yield console
    finally:
        console.close()


def command_idle() -> Figure:
    with served() as console:
        delays = [console.command() for _ in range(ROUNDS)]
    return Figure(
        "command written until the callback begins, idle",
        distribution(delays),
        "p99 < 1 ms, worst < 5 ms",
        p99(delays) < 0.001 and max(delays) < 0.005,
    )


CLIENT = """
import socket, sys, time
delays = []
for _ in range(int(sys.argv[2])):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(sys.argv[1])
    written = time.monotonic()
    sock.sendall(b"f text\\n")
    answer = b"".join(iter(lambda: sock.recv(4096), b""))
    delays.append(float(answer.split()[1]) - written)
print(*delays)
"""


def command_busy() -> Figure:
    """One thread computes in pure Python; the client is a process of its own."""
    end = threading.Event()

    def compute() -> None:
        while not end.is_set():
            sum(range(1000))

    computing = threading.Thread(target=compute)
    with served() as console:
        console.console.acb(lambda args, qedit: qedit["reply"](repr(time.monotonic())), [])
        computing.start()
        said = subprocess.run(
            [sys.executable, "-c", CLIENT, console.path, "300"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        end.set()
        computing.join()
    delays = [float(each) for each in said.split()]
    return Figure(
        "the same with one thread computing in pure Python",
        distribution(delays),
        "p99 < 15 ms",
        p99(delays) < 0.015,
    )


def post() -> Figure:
    delays = []
    for _ in range(300):
        ecb, ready = ECB(), ECB()
        woken: list[float] = []

        def wait(ecb: ECB = ecb, ready: ECB = ready, woken: list[float] = woken) -> None:
            ready.post()
            wait_any([ecb])
            woken.append(time.perf_counter())

        waiter = threading.Thread(target=wait)
        waiter.start()
        wait_any([ready])
        time.sleep(0.001)
        posted = time.perf_counter()
        ecb.post()
        waiter.join()
        delays.append(woken[0] - posted)
    return Figure(
        "post() until the waiting thread runs",
        distribution(delays),
        "< 5 ms",
        max(delays) < 0.005,
    )


def kill() -> Figure:
    console = Console(Lifetime())
    delays = []
    for _ in range(300):
        handle = console.init()
        woken: list[float] = []

        def get(handle: int = handle, woken: list[float] = woken) -> None:
            console.get(handle)
            woken.append(time.perf_counter())

        waiter = threading.Thread(target=get)
        waiter.start()
        time.sleep(0.001)
        killed = time.perf_counter()
        console.kill(handle)
        waiter.join()
        delays.append(woken[0] - killed)
    return Figure(
        "cancel() until the waiting thread runs",
        distribution(delays),
        "< 5 ms",
        max(delays) < 0.005,
    )


def end_of_threads() -> Figure:
    delays = []
    for _ in range(100):
        console = Console(Lifetime())
        handle = console.acb(lambda args, qedit: None, [])
        began = time.perf_counter()
        console.cancel(handle)
        console.close()
        threads.close()
        delays.append(time.perf_counter() - began)
    return Figure(
        "cancel() until the threads have ended",
        distribution(delays),
        "< 10 ms",
        max(delays) < 0.010,
    )


SIGNALLED = """
import os, signal, sys, threading, time
from lifetime.console import ECB, wait_any
ecb = ECB()
at = []
def handler(number, frame):
    at.append(time.monotonic())
    ecb.post()
signal.signal(signal.SIGTERM, handler)
woken = []
def wait():
    while True:
        wait_any([ecb])
        woken.append(time.monotonic())
        ecb.reset()
threading.Thread(target=wait, daemon=True).start()
print(flush=True)
for line in sys.stdin:
    while not woken:
        time.sleep(0.001)
    print(at.pop(), woken.pop(), flush=True)
"""


def signals() -> list[Figure]:
    handled, woken = [], []
    with subprocess.Popen(
        [sys.executable, "-c", SIGNALLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        for _ in range(200):
            time.sleep(0.003)
            sent = time.monotonic()
            process.send_signal(signal.SIGTERM)
            time.sleep(0.003)
            process.stdin.write("\n")
            process.stdin.flush()
            handler, waiter = process.stdout.readline().split()
            handled.append(float(handler) - sent)
            woken.append(float(waiter) - sent)
        process.kill()
    return [
        Figure(
            "signal until the handler runs", distribution(handled), "< 1 ms", p99(handled) < 0.001
        ),
        Figure(
            "signal until a waiting thread is woken",
            distribution(woken),
            "< 2 ms",
            p99(woken) < 0.002,
        ),
    ]


IDLE = """
import sys, time
from lifetime import console
from lifetime.console.sources.unix_socket import UnixSocket
console.default().open(UnixSocket(sys.argv[1]))
console.acb(print, [])
console.Timer(0.0, print, ["ready"])
timers = [console.Timer(3600.0, print) for _ in range(100)]
limit = console.InactivityTimer(60.0, print)
console.Timer(0.1, sys.stdout.flush)
console.wait_any([console.token])
"""


def idle(seconds: float) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-c", IDLE, f"{folder}/console"], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        tasks = Path(f"/proc/{process.pid}/task")

        def look() -> tuple[dict[str, int], int]:
            switches = {}
            for task in tasks.iterdir():
                for line in (task / "status").read_text().splitlines():
                    if line.startswith("voluntary_ctxt_switches"):
                        switches[task.name] = int(line.split()[1])
            fields = (tasks.parent / "stat").read_text().rpartition(")")[2].split()
            return switches, int(fields[11]) + int(fields[12])

        before, ticks = look()
        time.sleep(seconds)
        after, later = look()
        process.terminate()
    woken = [after[task] - before[task] for task in before]
    return [
        Figure(
            f"idle for {seconds:g} s: voluntary switches of each of {len(woken)} threads",
            " ".join(map(str, woken)),
            "0",
            not any(woken),
        ),
        Figure("the same: ticks of processor time", str(later - ticks), "0", later == ticks),
    ]


def timer_cancel() -> Figure:
    delays = []
    before = len(os.listdir("/proc/self/task"))
    for _ in range(ROUNDS):
        timer = Timer(60.0, print)
        began = time.perf_counter()
        timer.cancel()
        delays.append(time.perf_counter() - began)
    left = len(os.listdir("/proc/self/task")) - before
    return Figure(
        f"Timer.cancel(); threads left {max(left - 1, 0)}",  # the waiter is there for all of them
        distribution(delays),
        "< 0.1 ms",
        p99(delays) < 0.0001 and left <= 1,
    )


def timer_lateness() -> Figure:
    delays = []
    for number in range(100):
        fired: list[float] = []
        done = ECB()
        seconds = 0.001 + number % 10 * 0.003

        def fire(fired: list[float] = fired, done: ECB = done) -> None:
            fired.append(time.monotonic())
            done.post()

        due = time.monotonic() + seconds
        Timer(seconds, fire)
        wait_any([done])
        delays.append(fired[0] - due)
    return Figure(
        "timer lateness",
        distribution(delays),
        "0 to 10 ms",
        min(delays) >= 0 and max(delays) < 0.010,
    )


STOPPED = """
import sys, time
import lifetime
from lifetime import console
from lifetime.console.sources.unix_socket import UnixSocket
from tests.console.running import Member
console.default().open(UnixSocket(sys.argv[1]))
console.acb(lambda args, qedit: None, [])
Member(lifetime.default())
lifetime.default().call_later(0, lambda: print("ready", flush=True))
status = lifetime.run()
from lifetime.console import hub
hub._at_exit()
print(time.monotonic(), flush=True)
sys.exit(status)
"""


def stop_to_end(by_signal: bool) -> list[Figure]:
    gone, ours = [], []
    for _ in range(20):
        with (
            tempfile.TemporaryDirectory() as folder,
            subprocess.Popen(
                [sys.executable, "-c", STOPPED, f"{folder}/console"],
                stdout=subprocess.PIPE,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05)
            asked = time.monotonic()
            if by_signal:
                process.send_signal(signal.SIGTERM)
            else:
                client.ask(f"{folder}/console", "p")
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            gone.append(time.monotonic() - asked)
            ours.append(float(process.stdout.read()) - asked)
    how = "SIGTERM" if by_signal else "Stop"
    return [
        Figure(
            f"{how} until the process has gone", distribution(gone), "< 100 ms", max(gone) < 0.1
        ),
        Figure(f"{how}: ours of it", distribution(ours), "< 20 ms", max(ours) < 0.02),
    ]


def handles() -> Figure:
    console = Console(Lifetime())

    def used() -> tuple[int, int, int]:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), pages

    def make(number: int) -> None:
        for _ in range(number):
            console.cancel(console.acb(print, []))

    make(1000)
    before = used()
    make(10_000)
    after = used()
    growth = [late - early for early, late in zip(before, after, strict=True)]
    return Figure(
        "10 000 handles made and cancelled: growth in descriptors, threads, pages",
        " ".join(map(str, growth)),
        "0 0 and no more than 16",
        growth[:2] == [0, 0] and growth[2] <= 16,
    )


def start_of_the_client() -> Figure:
    """Not in the specification's table: the client against the interpreter alone."""

    def median(*command: str) -> float:
        times = []
        for _ in range(25):
            began = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    with served() as console:
        ours = median(sys.executable, "-m", "servers", "display", console.path)
        interpreter = median(sys.executable, "-c", "pass")
        least = median(sys.executable, "-c", "import runpy, socket")
    return Figure(
        "`lifetime display`; the interpreter; the interpreter with `runpy` and `socket`",
        f"{ours * 1e3:.1f} ms; {interpreter * 1e3:.1f} ms; {least * 1e3:.1f} ms",
        "half as much again as the last",
        ours < 1.5 * least,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long idle is watched")
    seconds = parser.parse_args().seconds
    measurements: list[Callable[[], Figure | list[Figure]]] = [
        command_idle,
        command_busy,
        post,
        kill,
        end_of_threads,
        signals,
        lambda: idle(seconds),
        timer_cancel,
        timer_lateness,
        lambda: stop_to_end(True),
        lambda: stop_to_end(False),
        handles,
        start_of_the_client,
    ]
    missed = 0
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} processors")
    for measure in measurements:
        figures = measure()
        for figure in figures if isinstance(figures, list) else [figures]:
            missed += not figure.reached
            verdict = "" if figure.reached else "  MISSED"
            print(f"{figure.what}\n    {figure.measured} (aim {figure.aim}){verdict}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
