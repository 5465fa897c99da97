"""What an HTTP request costs, ours and others', side by side in one run.

    python -m tests.benchmarks.http [--cases hello,idle] [--servers limit,ours] [--seconds 2]
                                    [--rounds 2] [--markdown FILE] [--json FILE]

Each server runs as a process of its own on one processor, wrk on another, and the rounds of the
servers are interleaved, so that what else the machine does hits all of them alike.  Processor
time per request is the number to trust: it survives a busy machine, requests per second do not.
Servers that are not installed are left out, and named.
"""

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from tests.benchmarks import system_calls, usage, wrk
from tests.benchmarks.cases import CASES, Case
from tests.benchmarks.idle import IdleConnections, raise_descriptor_limit
from tests.benchmarks.results import Results, Round, idle_name, tables
from tests.benchmarks.servers import SERVERS, Server
from tests.processes.server import ServerProcess
from tests.site_folder import fill

WARM_UP = 1  # seconds


class Benchmark:
    """Run cases on servers; `results` has what they came to."""

    def __init__(self, site: Path, seconds: int, rounds: int) -> None:
        self.site = site
        self.seconds = seconds
        self.rounds = rounds
        self.results = Results()
        available = sorted(os.sched_getaffinity(0))
        self.server_cpus = {available[0]}
        self.load_cpus = {available[-1]}
        if self.server_cpus == self.load_cpus:
            self.results.remarks.append("only one processor: servers and load share it")

    def run(self, case: Case, servers: list[Server]) -> None:
        if case.traced:
            self.count_calls(case, servers)
        elif case.idle:
            self.measure_beside_idle(case, servers)
        else:
            self.measure(case, servers)

    def measure(self, case: Case, servers: list[Server]) -> None:
        with ExitStack() as stack:
            processes = {
                server.name: stack.enter_context(server.start(self.site, self.server_cpus))
                for server in servers
            }
            for process in processes.values():
                self.one_round(case, process, WARM_UP)
            for _ in range(self.rounds):
                for name, process in processes.items():
                    self.results.add(case.name, name, self.one_round(case, process))

    def measure_beside_idle(self, case: Case, servers: list[Server]) -> None:
        for _ in range(self.rounds):
            for server in servers:
                with (
                    server.start(self.site, self.server_cpus) as process,
                    closing(IdleConnections(process.address)) as idle,
                ):
                    self.one_round(case, process, WARM_UP)
                    empty = usage.resident_kib(process.pid)
                    for count in case.idle:
                        idle.grow(count)
                        measured = self.one_round(case, process)
                        self.results.add(idle_name(case, count), server.name, measured)
                    each = (usage.resident_kib(process.pid) - empty) / max(case.idle)
                    self.results.kib_per_idle.setdefault(server.name, []).append(each)

    def count_calls(self, case: Case, servers: list[Server]) -> None:
        if system_calls.missing():
            self.results.remarks.append(f"{case.name}: {system_calls.missing()}")
            return
        for server in servers:
            with server.start(self.site, self.server_cpus) as process:
                calls = system_calls.count(process, case, self.seconds, self.load_cpus)
                self.results.calls[server.name] = calls

    def one_round(self, case: Case, process: ServerProcess, seconds: int = 0) -> Round:
        before = usage.cpu_seconds(process.pid)
        load = wrk.run(case, process.address, seconds or self.seconds, self.load_cpus)
        used = usage.cpu_seconds(process.pid) - before
        return Round(used / load.requests * 1e6, load.requests / load.seconds, load.errors)


def chosen(text: str | None, names: list[str], kind: str) -> list[str]:
    """The names in `text`, in the order of `names`; all if there is no text.

    Raises SystemExit for a name that does not exist.
    """
    if text is None:
        return names
    wanted = text.split(",")
    for name in wanted:
        if name not in names:
            raise SystemExit(f"no {kind} is called {name!r}; there are {', '.join(names)}")
    return [name for name in names if name in wanted]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.http")
    parser.add_argument("--cases", help="some of " + ",".join(case.name for case in CASES))
    parser.add_argument("--servers", help="some of " + ",".join(server.name for server in SERVERS))
    parser.add_argument("--seconds", type=int, default=2, help="of one round")
    parser.add_argument("--rounds", type=int, default=2, help="of each server in each case")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    case_names = chosen(options.cases, [case.name for case in CASES], "case")
    names = chosen(options.servers, [server.name for server in SERVERS], "server")
    if wrk.missing():
        raise SystemExit(wrk.missing())

    raise_descriptor_limit()
    cases = [case for case in CASES if case.name in case_names]
    servers = [server for server in SERVERS if server.name in names and not server.missing]
    with tempfile.TemporaryDirectory() as folder:
        site = fill(Path(folder) / "site")
        benchmark = Benchmark(site, options.seconds, options.rounds)
        results = benchmark.results
        for server in SERVERS:
            if server.name in names and server.missing:
                results.remarks.append(f"without {server.name}: {server.missing}")
        for case in cases:
            takers = [server for server in servers if server.name in case.servers]
            print(f"{case.name}: {', '.join(server.name for server in takers)}", file=sys.stderr)
            benchmark.run(case, takers)

    shown = list(tables(results, cases, [server.name for server in servers]))
    print("\n".join([table.plain() for table in shown] + results.remarks))
    if options.markdown:
        text = "\n".join([table.markdown() for table in shown] + results.remarks)
        options.markdown.write_text(text.rstrip() + "\n")
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
