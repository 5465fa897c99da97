"""Any mixture of requests, cut anywhere, gets just the answers that each would get alone."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from servers.http import Request
from servers.http.handlers import Files
from servers.http.limits import Limits
from tests.wire.conftest import Peer, Served
from tests.wire.pages import ECHO, HELLO, Page, Source, get, post, say_hello

LIMITS = Limits(unparsed=5000, quiet_time=0.2, linger_time=0.2)

Serve = Callable[..., Served]

BIG = bytes(n % 253 for n in range(700_000))


def is_same(data: bytes, expected: bytes) -> bool:
    """Whether they are equal; a failing test should not print them."""
    return data == expected


def whole(status: int, body: bytes | None = None) -> Callable[[Peer], None]:
    """Expects an answer with a length."""

    def read(peer: Peer) -> None:
        answered, _, data = peer.read_reply()
        assert answered == status
        assert body is None or is_same(data, body)

    return read


def in_chunks(body: bytes) -> Callable[[Peer], None]:
    """Expects a chunked answer."""

    def read(peer: Peer) -> None:
        assert peer.read_head()[1]["transfer-encoding"] == "chunked"
        assert is_same(peer.read_chunked(), body)

    return read


def head_only(peer: Peer) -> None:
    assert peer.read_head()[0] == "HTTP/1.1 200 OK"


def chunked(path: str, *chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (*chunks, b""))
    return get(path, "Transfer-Encoding: chunked", method="POST") + body


#: What is sent, and what must come back.
REQUESTS: list[tuple[bytes, Callable[[Peer], None]]] = [
    (get("/hello"), whole(200, b"Hello\n")),
    (get("/hello", method="HEAD"), head_only),
    (b"\r\n" + get("/hello"), whole(200, b"Hello\n")),
    (post("/echo", b"GET / HTTP/1.1\r\n\r\n"), whole(200, b"GET / HTTP/1.1\r\n\r\n")),
    (post("/echo", BIG), whole(200, BIG)),
    (chunked("/echo", b"abc", BIG), whole(200, b"abc" + BIG)),
    (post("/file", b"a body that nobody wants"), whole(405)),
    (post("/fails", b""), whole(500)),
    (post("/later", b"not read"), whole(200, b"Hello\n")),
    (get("/thread"), whole(200, b"Hello\n")),
    (get("/produced"), in_chunks(b"a" + BIG + b"b")),
    (get("/streamed"), in_chunks(b"abc" + BIG)),
    (get("/declared"), whole(200, BIG)),
    (get("/file"), whole(200, BIG)),
    (get("/file", "Range: bytes=3-5"), whole(206, BIG[3:6])),
    (get("/small"), whole(200, b"small")),
]


def produce(request: Request) -> None:
    request.push("a")
    request.push(Source(BIG, b"b"))
    request.done()


def stream(request: Request) -> None:
    request.flush()
    for each in ("a", Source(b"b", "c"), BIG):
        request.push(each)
    request.done()


def declare(request: Request) -> None:
    request["Content-Length"] = len(BIG)
    request.flush()
    for start in range(0, len(BIG), 100_000):
        request.push(BIG[start : start + 100_000])
    request.done()


def fail(request: Request) -> None:
    raise ValueError("as it should")


def serve_everything(serve: Serve, folder: Path, pool: ThreadPoolExecutor) -> Served:
    (folder / "file").write_bytes(BIG)
    (folder / "small").write_bytes(b"small")
    pages = {
        "/later": lambda request: served.lifetime.call_later(0.001, say_hello, request),
        "/thread": lambda request: pool.submit(say_hello, request),
        "/produced": produce,
        "/streamed": stream,
        "/declared": declare,
        "/fails": fail,
    }
    handlers = [Page(path, answer) for path, answer in pages.items()]
    served = serve(Files(folder), HELLO, ECHO, *handlers, limits=LIMITS)
    return served


def cut(mixture: list[tuple[bytes, Callable[[Peer], None]]], chance: random.Random) -> list[bytes]:
    """All that is sent, in pieces that end near where requests do."""
    data, cuts = b"", [0]
    for request, _ in mixture:
        data += request
        cuts.append(len(data) + chance.randint(-30, 60))
    cuts[-1] = len(data)
    cuts = sorted(min(max(each, 0), len(data)) for each in cuts)
    return [data[start:end] for start, end in pairwise(cuts) if start < end]


@pytest.mark.parametrize("seed", range(8))
def test_a_mixture(serve, tmp_path: Path, seed: int):
    chance = random.Random(seed)
    with ThreadPoolExecutor(2) as pool:
        served = serve_everything(serve, tmp_path, pool)
        for _ in range(5):
            mixture = chance.choices(REQUESTS, k=25)
            peer = served.connect()
            pieces = cut(mixture, chance)
            sender = threading.Thread(target=lambda each=pieces, to=peer: [*map(to.send, each)])
            sender.start()
            for _, expect in mixture:
                expect(peer)
            sender.join()


SMALL = [each for each in REQUESTS if len(each[0]) < 1000]


@pytest.mark.parametrize("seed", range(20))
def test_a_mixture_that_has_been_sent_is_answered_though_the_server_stops(serve, tmp_path, seed):
    chance = random.Random(seed)
    with ThreadPoolExecutor(2) as pool:
        served = serve_everything(serve, tmp_path, pool)
        mixtures = [chance.choices(SMALL, k=chance.randint(1, 20)) for _ in range(3)]
        peers = [served.connect() for _ in mixtures]
        for peer, mixture in zip(peers, mixtures, strict=True):
            peer.send(b"".join(request for request, _ in mixture))
        delay = chance.random() * 0.01
        served.lifetime.call_soon_threadsafe(
            served.lifetime.call_later, delay, served.lifetime.shutdown
        )
        for peer, mixture in zip(peers, mixtures, strict=True):
            for _, expect in mixture:
                expect(peer)
            assert peer.read_to_end() == b""
            peer.sock.close()
        served.thread.join(10)
        assert served.lifetime.report.orderly
