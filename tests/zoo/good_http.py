"""The bundled HTTP server, with handlers of all kinds that answer as they should."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import lifetime
from lifetime.testing import HTTP, World
from servers.http import HTTPListener
from servers.http.handlers.files import Files
from servers.producers import IteratorProducer
from tests.zoo.animals import good
from tests.zoo.http_server import Hello, serve_http


@good
def http_quick(world: World) -> None:
    serve_http(world, Hello())


@good
def http_does_not_look_at_bodies(world: World) -> None:
    """It answers with half of what it was sent still to come."""
    serve_http(world, Hello())
    world.speaks(HTTP("/", "POST /form name=value"))


class Later(Hello):
    def handle_request(self, request: Any) -> None:
        lifetime.call_later(3.0, super().handle_request, request)


@good
def http_slow(world: World) -> None:
    """It answers after three seconds, by a timer."""
    serve_http(world, Later())


@good
def http_streams_a_producer(world: World) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(12):
            yield b"%d" % number * 500

    class Streaming(Hello):
        def handle_request(self, request: Any) -> None:
            request.push(IteratorProducer(pieces()))
            request.done()

    serve_http(world, Streaming())


@good
def http_streams_the_time(world: World) -> None:
    """An answer without an end, which ends with the server."""

    class Clock(Hello):
        def handle_request(self, request: Any) -> None:
            request.flush()
            self.tick(request)

        def tick(self, request: Any) -> None:
            if lifetime.stopping.is_set():
                request.done()
                return
            request.push("tick\n")
            request.when_drained(lambda: lifetime.call_later(1.0, self.tick, request))

    serve_http(world, Clock())


@good
def http_echoes_bodies(world: World) -> None:
    class Echo(Hello):
        def handle_request(self, request: Any) -> None:
            def answer(body: bytes) -> None:
                request.push(body)
                request.done()

            request.read_body(answer)

    world.speaks(HTTP("POST / " + "hello" * 100, "GET /", "HEAD /"))
    HTTPListener("127.0.0.1", 0).install_handler(Echo())


@good
def http_answers_from_a_thread_each(world: World) -> None:
    """As a WSGI server does it: the application may block, and does so in a thread."""

    class Threaded(Hello):
        def handle_request(self, request: Any) -> None:
            threading.Thread(target=self.work, args=(request,)).start()

        def work(self, request: Any) -> None:
            time.sleep(0.5)
            super().handle_request(request)

    serve_http(world, Threaded())


@good
def http_answers_from_a_pool(world: World) -> None:
    pool = ThreadPoolExecutor(2)

    class Pooled(Hello):
        def handle_request(self, request: Any) -> None:
            pool.submit(self.work, request)

        def work(self, request: Any) -> None:
            time.sleep(0.2)
            super().handle_request(request)

    world.lifetime.on_phase(lambda phase: phase == 4 and pool.shutdown(wait=False))
    serve_http(world, Pooled())


@good
def http_serves_a_folder(world: World) -> None:
    world.speaks(HTTP("/large.txt", "/small.txt", "/nothing"))
    HTTPListener("127.0.0.1", 0).install_handler(Files(_folder()))


@cache
def _folder() -> str:
    """A folder with two files, until the process ends."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, "large.txt").write_bytes(b"large\n" * 4_000)
    Path(folder, "small.txt").write_bytes(b"small\n")
    return folder


@good
def http_behind_two_doors(world: World) -> None:
    """Two listeners in one world, one quick and one slow."""
    serve_http(world, Hello())
    serve_http(world, Later())
