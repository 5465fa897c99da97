"""What a handler of the old style costs on our medusa and on supervisor's, in one run.

    python -m tests.benchmarks.medusa [--cases hello,headers,echo] [--seconds 2] [--rounds 3]
                                      [--markdown FILE]

As in `tests.benchmarks.http`, whose load this is; needs wrk and `lifetime-servers[suites]`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import wrk
from tests.benchmarks.cases import BROWSER, Case
from tests.benchmarks.http import Benchmark, chosen
from tests.benchmarks.results import Results, Table, number
from tests.benchmarks.servers import Server, lacking
from tests.processes.server import ServerProcess, free_port

NAMES = ("ours", "supervisor")

CASES = [
    Case("hello", "/hello", NAMES),
    Case("headers", "/hello", NAMES, headers=tuple(BROWSER.items())),
    Case("echo", "/echo", NAMES, body=64),
]

AIM = "3"


def server(name: str) -> Server:
    """The site on one of both."""

    def start(site: Path, cpus: set[int]) -> ServerProcess:
        port = free_port()
        command = [sys.executable, "-m", "tests.benchmarks.medusa_site", name, str(port)]
        return ServerProcess(command, port, cpus)

    return Server(name, start, lacking("supervisor") if name == "supervisor" else "")


def table(results: Results, cases: list[Case]) -> Table:
    """Time and rate of both, and how many times as fast we are."""
    columns = ["case", "ours, us", "supervisor, us", "ratio", "aim", "ours, 1/s", "supervisor, 1/s"]
    rows = []
    for case in cases:
        times = [number(results.cpu(case.name, name)) for name in NAMES]
        rates = [number(results.rate(case.name, name), ",.0f") for name in NAMES]
        ratio = number(results.ratio(case.name, "supervisor", "ours"), ".2f")
        rows.append([case.name, *times, ratio, AIM, *rates])
    return Table("Server CPU per request, and requests per second", columns, rows)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.medusa")
    parser.add_argument("--cases", help="some of " + ",".join(case.name for case in CASES))
    parser.add_argument("--seconds", type=int, default=2, help="of one round")
    parser.add_argument("--rounds", type=int, default=3, help="of each server in each case")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    names = chosen(options.cases, [case.name for case in CASES], "case")
    servers = [server(name) for name in NAMES]
    missing = wrk.missing() or servers[1].missing
    if missing:
        raise SystemExit(missing)

    cases = [case for case in CASES if case.name in names]
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark(Path(folder), options.seconds, options.rounds)
        for case in cases:
            print(case.name, file=sys.stderr)
            benchmark.run(case, servers)
    shown = table(benchmark.results, cases)
    print("\n".join([shown.plain(), *benchmark.results.remarks]))
    if options.markdown:
        options.markdown.write_text(shown.markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
