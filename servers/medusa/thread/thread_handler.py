"""medusa's thread_handler: scripts that talk CGI, each run by one of several threads.

    queue = request_queue()
    for _ in range(4):
        request_loop_thread(queue).start()
    handler = script_handler(queue)
    handler.add_module(pi_module, "pi")

What a script writes reaches the client by the request, so it is framed, logged and bounded as
every other answer is; nothing is written past it.
"""

from __future__ import annotations

import io
import logging
import re
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import lifetime as lifetime_module
from lifetime import Phase
from servers.http.errors import MisuseError
from servers.medusa import counter, default_handler, producers
from servers.medusa.http_server import get_header
from servers.medusa.select_trigger import trigger_file

__all__ = [
    "CONTENT_LENGTH",
    "HEADER_LINE",
    "collector",
    "counter",
    "default_handler",
    "get_header",
    "header_scanning_file",
    "producers",
    "request_loop_thread",
    "request_queue",
    "script_handler",
    "thread_output_file",
]

log = logging.getLogger("servers")

CONTENT_LENGTH = re.compile("Content-Length: ([0-9]+)", re.IGNORECASE)
HEADER_LINE = re.compile(rb"([A-Za-z0-9-]+): ?(.*)")

#: The head of a script's answer, at most (bytes); behind so much of it there is none.
MAX_HEAD = 65536

#: What a script has written goes out once it is so much (bytes).
BUFFER_SIZE = 4096

#: One piece of work: a function, and its environment, input and output.
Job = tuple[Callable[..., object], tuple[Any, Any, Any]]


class request_queue:
    """What waits for a thread, first come, first served.

    Bounded by the connections that a server accepts: each of them waits for one answer at most.
    """

    def __init__(self) -> None:
        self.queue: deque[Job] = deque()
        self.cv = threading.Condition()
        self.stopped = False
        self.ended = 0  # threads that a shutdown has ended

    def put(self, item: Job) -> None:
        """Let a thread do it; those that a shutdown has ended are replaced."""
        with self.cv:
            self.stopped = False
            self.queue.append(item)
            self.cv.notify()
            missing, self.ended = self.ended, 0
        for _ in range(missing):
            request_loop_thread(self).start()

    def get(self) -> Job:
        """The next one; waits until there is one.  Raises SystemExit behind a shutdown."""
        with self.cv:
            while not self.queue:
                if self.stopped:
                    raise SystemExit
                self.cv.wait()
            return self.queue.popleft()

    def stop(self) -> None:
        """Let those who wait go."""
        with self.cv:
            self.stopped = True
            self.cv.notify_all()

    def __len__(self) -> int:
        return len(self.queue)


class request_loop_thread(threading.Thread):
    """Does what is in a queue; ends with a shutdown, in phase 4."""

    def __init__(self, queue: request_queue) -> None:
        super().__init__(name="request_loop", daemon=True)
        self.queue = queue

    def run(self) -> None:
        """Do one after the other."""
        unsubscribe = lifetime_module.on_phase(self._on_phase)
        try:
            while True:
                function, arguments = self.queue.get()
                self.call(function, *arguments)
        except SystemExit:
            pass  # the queue has been stopped
        finally:
            unsubscribe()
            with self.queue.cv:
                self.queue.ended += 1

    def _on_phase(self, phase: Phase) -> None:
        if phase is Phase.TERMINATED:
            self.queue.stop()

    def call(self, function: Callable[..., object], env: Any, stdin: Any, stdout: Any) -> None:
        """Run one script; what it raises is logged, and costs its request a 500."""
        try:
            function(env, stdin, stdout)
        except SystemExit:
            pass  # a script may end early
        except Exception:
            log.exception("%r failed", function)
            if hasattr(stdout, "fail"):
                stdout.fail()
        stdout.close()


class thread_output_file(trigger_file):
    """A file for a thread; to close it is to close the channel behind what was written."""

    def close(self) -> None:
        """Send what was gathered, and close the channel."""
        self.trigger_close()


class header_scanning_file:
    """A script's output: takes the fields at its beginning for those of the answer.

    `Status: 302 Moved` is the status; without fields it is a page of HTML.
    file: closed at the end; what is written goes out by the request, which knows how to frame it.
    """

    def __init__(self, request: Any, file: Any = None) -> None:
        self.request = request
        self.file = file
        self.buffer = b""
        self.got_header = False
        self.closed = False
        self.bytes_out = counter.counter()

    def write(self, data: str | bytes) -> None:
        """Take a piece, text as UTF-8; waits for a slow client.

        Nobody takes what comes when the answer has ended.
        """
        if self.closed:
            return
        self.buffer += producers.encoded(data)
        if not self.got_header:
            self.scan()
        if len(self.buffer) > BUFFER_SIZE:
            self.flush()

    def writelines(self, lines: Any) -> None:
        """Take lines that have their ends."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send what was gathered, if the head is complete."""
        if self.closed or not self.got_header or not self.buffer:
            return
        size = self._push()
        self.request.flush()
        self.request.pace(size)

    def _push(self) -> int:
        data, self.buffer = self.buffer, b""
        self.bytes_out.increment(len(data))
        self.request.push(data)
        return len(data)

    def scan(self, at_end: bool = False) -> None:
        """Look for the end of the fields; if they are complete, set them."""
        split = split_head(self.buffer, at_end)
        if split is not None:
            fields, self.buffer = split
            self.got_header = True
            self.build_header(fields)

    def build_header(self, fields: list[tuple[str, str]]) -> None:
        """Set the fields and the status; if they cannot go on the wire, the answer is a 502."""
        self.request["Content-Type"] = "text/html"
        try:
            for name, value in fields:
                if name.lower() == "transfer-encoding":
                    pass  # it frames nothing: the request does (RFC 3875, section 6.3.4)
                elif name.lower() == "status":
                    self.request.reply_code = status_of(value)
                elif name.lower() == "content-type":
                    self.request[name] = value
                else:
                    self.request.add_header(name, value)
        except (MisuseError, ValueError) as error:
            log.error("the head of a script's answer to %s is none: %s", self.request, error)
            self.fail(502)

    def fail(self, status: int = 500) -> None:
        """Answer with an error page; if the head has left, the connection ends for all to see."""
        if not self.closed:
            self.closed = True
            self.buffer = b""
            self.request.give_up(status)

    def close(self) -> None:
        """The answer is complete."""
        if not self.closed and not self.got_header:
            self.scan(at_end=True)
        if not self.closed:
            if self.buffer:
                self._push()
            self.closed = True
            self.request.done()
        if self.file is not None:
            self.file.close()


def split_head(data: bytes, at_end: bool) -> tuple[list[tuple[str, str]], bytes] | None:
    """The fields at the beginning, and what follows; None if more of them may come.

    at_end: nothing more comes.
    """
    fields: list[tuple[str, str]] = []
    position = 0
    while True:
        newline = data.find(b"\n", position)
        if newline < 0 and not at_end:
            return None if len(data) < MAX_HEAD else (fields, data[position:])
        line = data[position : newline if newline >= 0 else len(data)].rstrip(b"\r")
        match = HEADER_LINE.fullmatch(line)
        if match is None:  # the empty line, or the body begins without one
            return fields, data[position if line or newline < 0 else newline + 1 :]
        fields.append((match[1].decode("ascii"), match[2].decode("latin-1")))
        position = newline + 1 if newline >= 0 else len(data)


def status_of(text: str) -> int:
    """The number in `302 Moved`.  Raises ValueError if it is none."""
    number = int(text.partition(" ")[0])
    if not 200 <= number <= 599:
        raise ValueError(f"{number} is no status of an answer")
    return number


class script_handler:
    """Lets threads run `module.main(env, stdin, stdout)` for the first part of the path.

    queue: of the threads; document_root: for PATH_TRANSLATED.
    """

    def __init__(self, queue: request_queue, document_root: str = "") -> None:
        self.queue = queue
        self.document_root = document_root
        self.modules: dict[str, Any] = {}
        self.hits = counter.counter()

    def add_module(self, module: Any, *names: str) -> None:
        """Offer a module below `/name`, for each name; by default its own."""
        for name in names or (module.__name__.rpartition(".")[2],):
            self.modules[f"/{name.strip('/')}"] = module

    def match(self, request: Any) -> Any:
        """Whether the path begins with the name of a module."""
        name = first_part(request.split_uri()[0] or "")
        if name not in self.modules:
            return 0
        request.module = self.modules[name]
        return 1

    def handle_request(self, request: Any) -> None:
        """Wait for the body, if there is one, and let a thread run the script."""
        self.hits.increment()
        env = self.environment(request)
        if request.command in ("PUT", "POST"):
            length = request.get_header("content-length")
            if length is None:
                request.error(411)
                return
            if int(length):
                collector(self, request, env)
                return
        self.continue_request(io.BytesIO(), request, env)

    def environment(self, request: Any) -> dict[str, str]:
        """What CGI says of a request.  A field with an underscore in its name is dropped."""
        path, _, query, _ = request.split_uri()
        path = path or "/"
        server: Any = request.channel.server
        name = first_part(path)
        env = {
            "REQUEST_URI": path,
            "REQUEST_METHOD": str(request.method),
            "SERVER_SOFTWARE": str(server.SERVER_IDENT),
            "SERVER_NAME": str(server.server_name),
            "SERVER_PORT": str(server.port),
            "SERVER_PROTOCOL": f"HTTP/{request.version}",
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SCRIPT_NAME": name,
            "PATH_INFO": path[len(name) :],
            "PATH_TRANSLATED": f"{self.document_root}{path[len(name) :]}",
            "QUERY_STRING": (query or "")[1:],
            "REMOTE_ADDR": str(request.channel.addr[0]) if request.channel.addr else "",
        }
        for line in request.header:
            key, _, value = line.partition(":")
            if "_" in key:  # it would pass for the one with a hyphen
                continue
            key = key.upper().replace("-", "_")
            if key not in ("CONTENT_LENGTH", "CONTENT_TYPE"):
                key = f"HTTP_{key}"
            value = value.strip(" \t")
            env[key] = f"{env[key]}, {value}" if key in env else value
        return env

    def continue_request(self, stdin: Any, request: Any, env: dict[str, str]) -> None:
        """The body is here: let a thread run the script."""
        self.queue.put((request.module.main, (env, stdin, header_scanning_file(request))))

    def status(self) -> Any:
        """A producer of HTML about this handler."""
        return producers.simple_producer(
            f"<li>Threaded Script Handler<ul><li><b>Hits:</b> {self.hits}"
            f"<li><b>Waiting:</b> {len(self.queue)}</ul>"
        )


def first_part(path: str) -> str:
    """`/name` of `/name/and/more`."""
    return "/" + path.lstrip("/").partition("/")[0]


class collector:
    """Gathers a body, and gives it to `handler.continue_request(file, request, env)`."""

    def __init__(self, handler: Any, request: Any, env: dict[str, str]) -> None:
        self.handler = handler
        self.request = request
        self.env = env
        self.data = io.BytesIO()
        request.collector = self
        request.channel.set_terminator(int(request.get_header("content-length")))

    def collect_incoming_data(self, data: bytes) -> None:
        """Keep a piece."""
        self.data.write(data)

    def found_terminator(self) -> None:
        """The body is complete."""
        self.request.channel.set_terminator(b"\r\n\r\n")
        self.request.collector = None
        self.data.seek(0)
        self.handler.continue_request(self.data, self.request, self.env)
