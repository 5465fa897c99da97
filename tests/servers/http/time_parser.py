"""What a head costs: our parser and llhttp (httptools), microseconds, the best of many rounds.

    python -m tests.servers.http.time_parser

Three clients: one that repeats its request, one that asks for a new target each time, and one
of whose requests no two have the same target or fields.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httptools

from servers.http.limits import Limits
from servers.http.parser import find_head, parse_head

SMALL = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
BROWSER = (
    b"GET /hello HTTP/1.1\r\n"
    b"Host: 127.0.0.1:8080\r\n"
    b"Connection: keep-alive\r\n"
    b'sec-ch-ua: "Chromium";v="126", "Not.A/Brand";v="24"\r\n'
    b"sec-ch-ua-mobile: ?0\r\n"
    b'sec-ch-ua-platform: "Linux"\r\n'
    b"Upgrade-Insecure-Requests: 1\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    b" Chrome/126.0.0.0 Safari/537.36\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    b"*/*;q=0.8\r\n"
    b"Sec-Fetch-Site: none\r\n"
    b"Sec-Fetch-Mode: navigate\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Accept-Language: en-US,en;q=0.9\r\n"
    b"\r\n"
)
LIMITS = Limits()
ROUNDS = 25
REQUESTS = 2000

Requests = Iterator[bytes]


def repeated(request: bytes) -> Requests:
    while True:
        yield bytes(bytearray(request))  # a fresh object, as recv() makes them


def new_target(request: bytes) -> Requests:
    for number in count():
        yield request.replace(b"/hello", b"/hello/%d" % number, 1)


def all_new(request: bytes) -> Requests:
    for number, fresh in zip(count(), new_target(request), strict=False):
        yield fresh.replace(b"Host", b"X-Request-Id: %d\r\nHost" % number, 1)


def ours(request: bytes) -> None:
    find_head(request, 0, LIMITS)
    parse_head(request, LIMITS)


class Theirs:
    """The least a server does with httptools: keep the target and the fields."""

    def __init__(self) -> None:
        self.parser: Any = httptools.HttpRequestParser(self)
        self.fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_message_complete(self) -> None:
        self.complete = True

    def __call__(self, request: bytes) -> None:
        self.fields.clear()
        self.parser.feed_data(request)
        self.parser.get_method()
        self.parser.get_http_version()
        self.parser.should_keep_alive()


def cost(parse: Callable[[bytes], None], requests: Requests) -> float:
    """Microseconds a request, in the best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        batch = [next(requests) for _ in range(REQUESTS)]
        began = time.perf_counter()
        for request in batch:
            parse(request)
        best = min(best, time.perf_counter() - began)
    return best / REQUESTS * 1e6


def main() -> None:
    print(f"Python {sys.version.split()[0]}; us a head: ours, httptools")
    for name, request in (("1 header", SMALL), ("12 headers", BROWSER)):
        for client in (repeated, new_target, all_new):
            figures = [cost(parse, client(request)) for parse in (ours, Theirs())]
            print(f"{name:12}{client.__name__:12}{figures[0]:6.2f}{figures[1]:6.2f}")


if __name__ == "__main__":
    main()
