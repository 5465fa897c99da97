"""System calls per request, counted by strace."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks import wrk
from tests.benchmarks.cases import Case
from tests.processes.server import ServerProcess

ATTACH_TIME = 5.0  # seconds in which strace must have got hold of the process


def missing() -> str:
    """Why none can be counted here; "" if they can."""
    return "" if shutil.which("strace") else "no strace on PATH"


def traced(pid: int) -> bool:
    """Whether every thread of the process has a tracer."""
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("TracerPid:\t0\n" not in status for status in statuses)


def count(server: ServerProcess, case: Case, seconds: int, cpus: set[int]) -> dict[str, float]:
    """Calls per request by name, the most frequent first.

    Raises RuntimeError if the process may not be traced.
    """
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "calls"
        command = ["strace", "-c", "-f", "-q", "-o", str(table), "-p", str(server.pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as strace:
            deadline = time.monotonic() + ATTACH_TIME
            while strace.poll() is None and not traced(server.pid):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.01)
            if strace.poll() is not None:
                assert strace.stderr is not None
                raise RuntimeError(f"strace: {strace.stderr.read().decode().strip()}")
            load = wrk.run(case, server.address, seconds, cpus)
            strace.send_signal(signal.SIGINT)
            strace.wait()
        return per_request(table.read_text(), load.requests)


def per_request(table: str, requests: int) -> dict[str, float]:
    """Read the table that `strace -c` writes: %, seconds, usecs/call, calls, [errors,] name."""
    calls = {}
    for line in table.splitlines():
        words = line.split()
        if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3]) / requests
    return dict(sorted(calls.items(), key=lambda item: -item[1]))
