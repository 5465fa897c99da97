"""Descriptors run out, and are given back."""

from __future__ import annotations

import os
import resource
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from servers.http import Request
from servers.http.handlers import Files
from servers.http.limits import Limits
from servers.producers import FileProducer
from tests.wire.pages import ECHO, HELLO, Page, get, post

SERVER = """
import sys
import lifetime
from servers.http import HTTPListener

class Cost:
    def match(self, request):
        return True

    def handle_request(self, request):
        if request.path == "/take":
            self.taken = []
            try:
                while True:
                    self.taken.append(open("/dev/null"))
            except OSError:
                pass
        if request.path == "/give":
            for file in self.taken:
                file.close()
        request.push(f"{sum(__import__('os').times()[:2]):.6f}")
        request.done()

site = HTTPListener("127.0.0.1", 0)
site.install_handler(Cost())
print(site.port, flush=True)
sys.exit(lifetime.run(patience=1.0))
"""

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="a POSIX system is wanted")


def ask(sock: socket.socket, path: str) -> float:
    """CPU seconds that the server says it has taken so far."""
    sock.sendall(get(path))
    return float(sock.recv(65536).partition(b"\r\n\r\n")[2])


def test_at_the_limit_the_listener_rests_instead_of_spinning(tmp_path: Path):
    log = tmp_path / "log"
    with log.open("wb") as errors:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdout=subprocess.PIPE,
            stderr=errors,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
        )
    assert server.stdout is not None
    with server, server.stdout:
        try:
            address = ("127.0.0.1", int(server.stdout.readline()))
            with socket.create_connection(address) as first:
                first.settimeout(10)
                before = ask(first, "/take")
                with socket.create_connection(address) as second:
                    second.settimeout(0.7)
                    second.sendall(get("/"))
                    with pytest.raises(TimeoutError):  # it has to wait in the queue
                        second.recv(1)
                    assert ask(first, "/give") - before < 0.3
                    second.settimeout(10)
                    assert b" 200 OK" in second.recv(65536)
        finally:
            server.terminate()
            server.wait(10)
    assert log.read_text().count("cannot accept") <= 3


def test_at_the_limit_of_connections_the_others_wait_in_the_queue(serve):
    served = serve(HELLO, limits=Limits(connections=2))
    first, second = served.connect(), served.connect()
    for peer in (first, second):
        peer.send(get("/hello")).read_reply()
    third = served.connect().send(get("/hello"))
    first.send(get("/hello")).read_reply()
    third.sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        third.read_reply()
    first.sock.close()
    third.sock.settimeout(10)
    assert third.read_reply()[0] == 200


# -- leaks -------------------------------------------------------------------------------------


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def half_close(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(65536):
        pass
    sock.close()


MESSAGES = {
    "nothing": b"",
    "half a head": b"GET / HT",
    "a request": get("/hello"),
    "nonsense": b"nonsense\r\n\r\n",
    "half an upload": post("/echo", b"0123456789")[:-1],
    "half a spooled upload": post("/spool", bytes(100_000))[:-1],
    "a large file": get("/file"),
    "many large files": get("/file") * 5,
    "a large file by a producer": get("/produced"),
    "a request that is never answered": get("/never"),
    "a handler that fails with a file open": get("/fails"),
}


@pytest.mark.parametrize("end", [socket.socket.close, reset, half_close])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_connection_that_breaks_off_leaves_no_descriptor_behind(serve, tmp_path, message, end):
    (tmp_path / "file").write_bytes(bytes(3_000_000))

    def produce(request: Request) -> None:
        request.push(FileProducer((tmp_path / "file").open("rb")))
        request.done()

    def fail(request: Request) -> None:
        request.push(FileProducer((tmp_path / "file").open("rb")))
        raise ValueError("sorry")

    def spool(request: Request) -> None:
        request.spool_body(lambda file: (file.close(), request.done()))

    def never(request: Request) -> None:
        # A handler that never answers cannot be told from a slow one, but it can be given up.
        served.lifetime.call_later(0.05, request.channel.close)

    pages = {"/produced": produce, "/fails": fail, "/spool": spool, "/never": never}
    handlers = [Page(path, answer) for path, answer in pages.items()]
    served = serve(Files(tmp_path), HELLO, ECHO, *handlers, limits=Limits(memory_body=1000))
    gone = threading.Semaphore(0)
    forget = served.site.channel_closed
    served.site.channel_closed = lambda channel: (forget(channel), gone.release())
    counts = []
    for data in [get("/hello")] + [MESSAGES[message]] * 3:
        peer = served.connect().send(data)
        end(peer.sock)
        assert gone.acquire(timeout=10)
        counts.append(descriptors())
    assert not served.site.channels
    assert counts[1:] == counts[:1] * 3
