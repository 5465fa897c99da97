"""Idiom 9: work that is done in readable(), on a dispatcher that was never connected."""

from __future__ import annotations

import queue
import socket
import threading
import time

from servers.medusa import asyncore_25 as asyncore
from tests.medusa.conftest import get
from tests.medusa.test_replies import hello_handler


class clock(asyncore.dispatcher):
    """Works when it is asked whether it is readable."""

    def __init__(self, period=0.0):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.period = period
        self.last = 0.0
        self.asked = 0
        self.ticks = 0
        self.ticked = threading.Event()

    def readable(self):
        self.asked += 1
        if time.monotonic() - self.last >= self.period:
            self.last = time.monotonic()
            self.ticks += 1
            if self.ticks >= 3:
                self.ticked.set()
        return 0

    def writable(self):
        return 0

    def log_info(self, message, type="info"):
        pass


class consumer(clock):
    """Takes what waits in a queue, and changes the map meanwhile."""

    def __init__(self, work):
        clock.__init__(self)
        self.work = work
        self.done = []

    def readable(self):
        while not self.work.empty():
            self.done.append(self.work.get())
            clock(3600.0)
            self.ticked.set()
        return 0


class swapping(clock):
    """Gets itself another socket now and then."""

    def readable(self):
        clock.readable(self)
        if self.ticks == 2:
            old, self.socket = self.socket, None
            self.del_channel()
            old.close()
            self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
            self.ticks += 1
        return 0


def turning(timeout=0.02):
    """A loop that is asked to turn often."""
    return lambda: asyncore.loop(timeout)


def test_readable_is_asked_on_every_turn_although_nothing_happens(run):
    ticking = clock(0.01)
    run(ticking, turning())
    assert ticking.ticked.wait(10.0)


def test_two_clocks_are_both_asked(run):
    first, second = clock(0.01), clock(0.01)
    run(first, turning())
    assert first.ticked.wait(10.0)
    assert second.ticked.wait(10.0)


def test_a_queue_consumer_takes_what_another_thread_puts(run):
    work: queue.Queue = queue.Queue()
    consuming = consumer(work)
    run(consuming, turning())
    work.put("job")
    assert consuming.ticked.wait(10.0)
    assert consuming.done == ["job"]


def test_a_dispatcher_may_swap_its_socket(run):
    swaps = swapping(0.01)
    run(swaps, turning())
    assert swaps.ticked.wait(10.0)


def test_a_clock_beside_a_server_is_asked_with_each_request(serve):
    ticking = clock(3600.0)
    running = serve(hello_handler())
    before = ticking.asked
    peer = running.connect()
    for _ in range(5):
        peer.send(get("/hello")).read_reply()
    assert ticking.asked >= before + 5


def test_a_clock_does_not_make_the_loop_spin(run):
    ticking = clock(3600.0)
    running = run(ticking, turning(0.05))
    time.sleep(0.3)  # what is measured is the time itself
    running.stop()
    assert ticking.asked < 50
