"""The example program of the README as a process: Hello, Slow, Echo and a folder.

    python -m tests.example_server SITE [--port N] [--patience S] [--limit name=value ...]

It prints one line, its URL, when it serves.
"""

import argparse
import sys

import lifetime
from servers.http import HTTPListener
from servers.http.handlers import Files
from servers.http.limits import Limits
from servers.http.request import Request


class Hello:
    def match(self, request: Request) -> bool:
        return request.path == "/hello"

    def handle_request(self, request: Request) -> None:
        request["Content-Type"] = "text/plain"
        request.push("Hello, world\n")
        request.done()


class Slow:  # answers later, blocks nobody
    def match(self, request: Request) -> bool:
        return request.path == "/slow"

    def handle_request(self, request: Request) -> None:
        milliseconds = int(request.query.get("ms", "100"))

        def answer() -> None:
            request["Content-Type"] = "text/plain"
            request.push("slow\n")
            request.done()

        lifetime.call_later(milliseconds / 1000, answer)


class Echo:
    def match(self, request: Request) -> bool:
        return request.path == "/echo"

    def handle_request(self, request: Request) -> None:
        request.read_body(lambda body: (request.push(body), request.done()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="example_server", description=__doc__)
    parser.add_argument("site", help="the folder to serve")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds per phase")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args(arguments)

    limits = Limits.from_settings(options.limit)
    site = HTTPListener("127.0.0.1", options.port, limits=limits, access_log=None)
    site.install_handler(Files(options.site))
    for handler in (Hello(), Slow(), Echo()):
        site.install_handler(handler)  # last installed is asked first
    # In the loop: whoever reads the line may send a signal, and it is ours by then.
    lifetime.call_later(0.0, lambda: print(site.url, flush=True))
    return lifetime.run(patience=options.patience)


if __name__ == "__main__":
    sys.exit(main())
