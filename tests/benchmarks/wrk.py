"""The load: wrk, the HTTP benchmarking tool, on its own processor."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.cases import Case

CONNECTIONS = 16

PIPELINE = """
init = function(arguments)
    local requests = {}
    for number = 1, DEPTH do requests[number] = wrk.format() end
    all = table.concat(requests)
end
request = function() return all end
"""


@dataclass(frozen=True)
class Load:
    """What one round came to."""

    requests: int
    seconds: float
    errors: str  # wrk's own lines about errors; "" if there were none


def missing() -> str:
    """Why there can be no load here; "" if there can."""
    if shutil.which("wrk"):
        return ""
    return "The benchmark needs wrk on PATH (Debian: apt install wrk)."


def script(case: Case) -> str:
    """The case's Lua script; "" if it needs none."""
    if case.depth > 1:
        return PIPELINE.replace("DEPTH", str(case.depth))
    if case.body:
        return f'wrk.method = "POST"\nwrk.body = string.rep("x", {case.body})\n'
    if case.content:
        return f'wrk.method = "POST"\nwrk.body = [[{case.content}]]\n'
    return ""


def run(case: Case, address: tuple[str, int], seconds: int, cpus: set[int]) -> Load:
    """Ask for `seconds`.  Raises RuntimeError if wrk fails or gets no answer at all."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    for name, value in case.headers:
        command += ["-H", f"{name}: {value}"]
    with tempfile.TemporaryDirectory() as folder:
        if script(case):
            path = Path(folder) / "load.lua"
            path.write_text(script(case))
            command += ["-s", str(path)]
        command.append(f"http://{address[0]}:{address[1]}{case.path}")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.sched_setaffinity(process.pid, cpus)
        output = process.communicate()[0].decode()
    found = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m),", output)
    if process.returncode or not found or not int(found[1]):
        raise RuntimeError(f"{' '.join(command)}\n{output}")
    errors = re.findall(r"^\s*(Socket errors:.*|Non-2xx.*)$", output, re.MULTILINE)
    unit = {"ms": 0.001, "s": 1.0, "m": 60.0}[found[3]]
    return Load(int(found[1]), float(found[2]) * unit, "; ".join(errors))
