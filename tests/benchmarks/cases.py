"""What the servers are asked, one case per line of the table."""

from dataclasses import dataclass

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://example.org/index.html",
    "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Priority": "u=0, i",
}  # and Host, the twelfth


@dataclass(frozen=True)
class Case:
    """One kind of load.

    headers: sent besides Host.
    depth: requests sent at a time on one connection.
    body: bytes of a POST; 0: a GET.
    content: the text of a POST, instead.
    idle: how many silent connections stand beside the busy ones, measurement by measurement.
    traced: count system calls instead of time.
    servers: who takes part.
    aim: what ours should reach.
    """

    name: str
    path: str
    servers: tuple[str, ...]
    headers: tuple[tuple[str, str], ...] = ()
    depth: int = 1
    body: int = 0
    content: str = ""
    idle: tuple[int, ...] = ()
    traced: bool = False
    aim: str = ""


CASES = [
    Case(
        "hello",
        "/hello",
        ("limit", "ours", "waitress", "uvicorn", "nginx"),
        aim="2.5 limit, waitress / 7",
    ),
    Case(
        "headers",
        "/hello",
        ("limit", "ours", "waitress", "uvicorn"),
        headers=tuple(BROWSER.items()),
        aim="3.5 limit",
    ),
    Case("pipelined", "/hello", ("limit", "ours", "waitress"), depth=16),
    Case("close", "/hello", ("ours", "waitress", "nginx"), (("Connection", "close"),)),
    Case("file1k", "/file1k", ("ours", "waitress", "nginx")),
    Case("file100k", "/file100k", ("ours", "waitress", "nginx"), aim="1.0 nginx"),
    Case("echo1k", "/echo", ("limit", "ours", "waitress"), body=1024),
    Case("idle", "/hello", ("limit", "ours"), idle=(0, 1000, 10000), aim="x1.10, 3 KiB"),
    Case("calls", "/hello", ("limit", "ours", "waitress"), traced=True, aim="2"),
]
