"""HTTP handlers and producers that are wrong, in a server that is right."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import lifetime
from lifetime.testing import HTTP, World
from servers.http import HTTPListener
from servers.producers import IteratorProducer
from tests.zoo.animals import breaks
from tests.zoo.http_server import Hello, serve_http


@breaks(5)
def http_handler_never_answers(world: World) -> None:
    class Mute(Hello):
        def handle_request(self, request: Any) -> None:
            """Later, perhaps."""

    serve_http(world, Mute())


@breaks(5)
def http_answers_nothing_while_it_stops(world: World) -> None:
    class Sulking(Hello):
        def handle_request(self, request: Any) -> None:
            if not lifetime.default().phase:
                super().handle_request(request)

    serve_http(world, Sulking())


@breaks(5)
def http_lies_about_its_length(world: World) -> None:
    class Liar(Hello):
        def handle_request(self, request: Any) -> None:
            request.channel.push(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello\n")
            request.push("")
            request["Content-Length"] = "0"
            request.done()

    serve_http(world, Liar())


@breaks(5)
def http_producer_fails_half_way(world: World) -> None:
    """A client that has half of an answer cannot be told that there is no more."""

    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise OSError("the disk is gone")

    class Failing(Hello):
        def handle_request(self, request: Any) -> None:
            request.push(IteratorProducer(pieces()))
            request.done()

    serve_http(world, Failing())


@breaks(7)
def http_handler_sleeps(world: World) -> None:
    class Sleeper(Hello):
        def handle_request(self, request: Any) -> None:
            time.sleep(1.0)
            super().handle_request(request)

    serve_http(world, Sleeper())


@breaks(7)
def http_handler_joins_its_thread(world: World) -> None:
    """The work is done by a thread, and the loop waits for it."""

    class Impatient(Hello):
        def handle_request(self, request: Any) -> None:
            worker = threading.Thread(target=time.sleep, args=(1.0,))
            worker.start()
            worker.join()
            super().handle_request(request)

    serve_http(world, Impatient())


@breaks(9)
def http_worker_outlives_the_loop(world: World) -> None:
    """A worker that is made when it is needed, and that nobody ends."""
    jobs: queue.Queue[Any] = queue.Queue()

    class Pooled(Hello):
        started = False

        def handle_request(self, request: Any) -> None:
            if not self.started:
                self.started = True
                threading.Thread(target=work, daemon=True).start()
            jobs.put(request)

    def work() -> None:
        while True:
            request = jobs.get()
            request.push("done\n")
            request.done()

    serve_http(world, Pooled())


@breaks(5)
def http_worker_drops_its_jobs(world: World) -> None:
    """When the stop comes, its one worker ends after the job that it has in hand."""
    jobs: queue.Queue[Any] = queue.Queue()

    def work() -> None:
        while not lifetime.stopping.is_set():
            request = jobs.get()
            if request is None:
                return
            time.sleep(0.5)
            request.push("done\n")
            request.done()

    class Pooled(Hello):
        def handle_request(self, request: Any) -> None:
            jobs.put(request)

    threading.Thread(target=work, name="worker").start()
    world.lifetime.on_phase(lambda phase: phase == 4 and jobs.put(None))
    serve_http(world, Pooled())


@breaks(5)
def http_worker_fails_silently(world: World) -> None:
    """What a thread raises, nobody hears."""

    class Threaded(Hello):
        def handle_request(self, request: Any) -> None:
            threading.Thread(target=self.work, args=(request,)).start()

        def work(self, request: Any) -> None:
            time.sleep(0.1)
            if lifetime.stopping.is_set():
                return  # the database has gone already
            request.push("done\n")
            request.done()

    serve_http(world, Threaded())


@breaks(5, 7)
def http_body_is_not_read_to_its_end(world: World) -> None:
    """It answers when the whole body has come, unless there is none."""

    class Echo(Hello):
        def handle_request(self, request: Any) -> None:
            def answer(body: bytes) -> None:
                if body:
                    request.push(body)
                    request.done()

            request.read_body(answer)

    world.speaks(HTTP("POST / hello", "GET /"))
    HTTPListener("127.0.0.1", 0).install_handler(Echo())
