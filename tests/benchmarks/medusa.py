"""What a handler of the old style costs on our medusa and on supervisor's, in one run.

    python -m tests.benchmarks.medusa [--cases hello,file1k,...] [--seconds 2] [--rounds 3]
                                      [--markdown FILE]

As in `tests.benchmarks.http`, whose load this is; needs wrk and `lifetime-servers[suites]`.
"""

import argparse
import statistics
import sys
import tempfile
import xmlrpc.client
from pathlib import Path

from tests.benchmarks import wrk
from tests.benchmarks.cases import BROWSER, Case
from tests.benchmarks.http import Benchmark, chosen
from tests.benchmarks.results import Results, Table, idle_name, number
from tests.benchmarks.servers import Server, lacking
from tests.processes.server import ServerProcess, free_port
from tests.site_folder import fill

NAMES = ("ours", "supervisor")

CASES = [
    Case("hello", "/hello", ("limit", *NAMES)),
    Case("headers", "/hello", NAMES, headers=tuple(BROWSER.items())),
    Case("pipelined", "/hello", NAMES, depth=16),
    Case("close", "/hello", NAMES, headers=(("Connection", "close"),)),
    Case("idle", "/hello", NAMES, idle=(100,)),
    Case("echo", "/echo", NAMES, body=64),
    Case("password", "/private", NAMES, headers=(("Authorization", "Basic YW5uYTpzZWNyZXQ="),)),
    Case("file1k", "/file1k", NAMES),
    Case("file100k", "/file100k", NAMES),
    Case("nothing", "/nothing", NAMES),
    Case("xmlrpc", "/RPC2", NAMES, content=xmlrpc.client.dumps((1, 2, 3), "sum")),
]

AIM = "3"


def server(name: str) -> Server:
    """The site on one of both, or what neither can be cheaper than."""

    def start(site: Path, cpus: set[int]) -> ServerProcess:
        port = free_port()
        module = "tests.benchmarks.medusa_limit"
        words = [str(port)]
        if name != "limit":
            module, words = "tests.benchmarks.medusa_site", [name, str(port), str(site)]
        command = [sys.executable, "-m", module, *words]
        return ServerProcess(command, port, cpus)

    return Server(name, start, lacking("supervisor") if name == "supervisor" else "")


def names_of(case: Case) -> list[str]:
    """Under which names its results stand."""
    return [idle_name(case, count) for count in case.idle] or [case.name]


def over_all(results: Results, names: list[str]) -> float | None:
    """How many times as fast we are, over all cases that were measured with both."""
    ratios = [results.ratio(each, "supervisor", "ours") for each in names]
    known = [ratio for ratio in ratios if ratio is not None]
    return statistics.geometric_mean(known) if known else None


def table(results: Results, cases: list[Case]) -> Table:
    """Time and rate of both, and how many times as fast we are."""
    columns = ["case", "limit, us", "ours, us", "supervisor, us", "ratio", "aim"]
    columns += ["ours, 1/s", "supervisor, 1/s"]
    rows = []
    names = [name for case in cases for name in names_of(case)]
    for each in names:
        times = [number(results.cpu(each, name)) for name in ("limit", *NAMES)]
        rates = [number(results.rate(each, name), ",.0f") for name in NAMES]
        ratio = number(results.ratio(each, "supervisor", "ours"), ".2f")
        rows.append([each, *times, ratio, AIM, *rates])
    mean = number(over_all(results, names), ".2f")
    rows.append(["geometric mean", "-", "-", "-", mean, AIM, "-", "-"])
    return Table("Server CPU per request, and requests per second", columns, rows)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.medusa")
    parser.add_argument("--cases", help="some of " + ",".join(case.name for case in CASES))
    parser.add_argument("--seconds", type=int, default=2, help="of one round")
    parser.add_argument("--rounds", type=int, default=3, help="of each server in each case")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    names = chosen(options.cases, [case.name for case in CASES], "case")
    servers = [server(name) for name in ("limit", *NAMES)]
    missing = wrk.missing() or servers[-1].missing
    if missing:
        raise SystemExit(missing)

    cases = [case for case in CASES if case.name in names]
    with tempfile.TemporaryDirectory() as folder:
        site = fill(Path(folder) / "site")
        benchmark = Benchmark(site, options.seconds, options.rounds)
        for case in cases:
            print(case.name, file=sys.stderr)
            benchmark.run(case, [each for each in servers if each.name in case.servers])
    shown = table(benchmark.results, cases)
    print("\n".join([shown.plain(), *benchmark.results.remarks]))
    if options.markdown:
        options.markdown.write_text(shown.markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
