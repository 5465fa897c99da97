"""A server that is asked to stop by one of its own requests: GET /leave.

    python -m tests.processes.leaving_server

It prints its URL; its exit code is LEFT.
"""

import sys

import lifetime
from servers.http import HTTPListener
from servers.http.request import Request

LEFT = 7


class Leave:
    def match(self, request: Request) -> bool:
        return request.path == "/leave"

    def handle_request(self, request: Request) -> None:
        lifetime.shutdown(exit_code=LEFT)
        request["Content-Type"] = "text/plain"
        request.push("Goodbye\n")
        request.done()


if __name__ == "__main__":
    site = HTTPListener("127.0.0.1", 0, access_log=None)
    site.install_handler(Leave())
    # In the loop: whoever reads the line may send a signal, and it is ours by then.
    lifetime.call_later(0.0, lambda: print(site.url, flush=True))
    sys.exit(lifetime.run())
