"""A live supervisord answers on our medusa as it does on its own.

All `STEPS` are taken with both; what is not the same is in `DIFFERENCES`.  Dates, process ids
and the name of the server are not compared.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.frontends.processes import wait_until
from tests.suites.installed import installed
from tests.suites.supervisord import (
    LOGIN,
    PATIENCE,
    Answer,
    Supervisord,
    read_answer,
    read_to_end,
    read_until,
)

pytestmark = pytest.mark.slow

CALL = "<methodCall><methodName>{}</methodName><params>{}</params></methodCall>"
FORM = "Content-Type: application/x-www-form-urlencoded"


def call(method: str, *parameters: str) -> bytes:
    """The body of an XML-RPC call."""
    values = [f"<param><value><string>{each}</string></value></param>" for each in parameters]
    return CALL.format(method, "".join(values)).encode()


def show_lines_as_they_come(daemon: Supervisord) -> list[str]:
    """`tail -f`, which is the logtail handler and an answer that never ends."""
    daemon.call("supervisor.sendProcessStdin", "echo", "one\n")
    return daemon.tail_f("echo", last="two")


def tail_over_http(daemon: Supervisord) -> list[str]:
    """The same without supervisorctl: the head, then a chunk for each piece."""
    with daemon.connect() as sock:
        sock.sendall(f"GET /logtail/echo HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\n\r\n".encode())
        begin = read_until(sock, b"two\n\r\n")
        daemon.call("supervisor.sendProcessStdin", "echo", "three\n")
        head, _, chunks = begin.partition(b"\r\n\r\n")
        answer = read_answer(head + b"\r\n\r\n")
        chunks += read_until(sock, b"three\n\r\n")
    return [answer.status, str(sorted(answer.fields.items())), chunks.decode()]


def two_at_once(daemon: Supervisord) -> list[Any]:
    """Two requests that are sent together are answered in order."""
    first = f"GET /stylesheets/supervisor.css HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\n\r\n"
    second = f"GET /ok.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{LOGIN}\r\n\r\n"
    with daemon.connect() as sock:
        sock.sendall((first + second).encode())
        data = read_to_end(sock)
    at = data.rindex(b"HTTP/1.1 ")
    return [read_answer(data[:at]), read_answer(data[at:])]


def reload_and_look(daemon: Supervisord) -> str:
    """Its servers are closed and made anew, while the process goes on."""
    said = daemon.ctl("reload")
    wait_until(lambda: answers(daemon), "it serves again")
    return said


def answers(daemon: Supervisord) -> bool:
    """Whether it does; between its old servers and the new ones nobody listens."""
    try:
        daemon.call("supervisor.getPID")
    except (OSError, HTTPException):
        return False
    return True


#: What is asked, in this order, of both.
STEPS: dict[str, Callable[[Supervisord], Any]] = {
    "ctl status": lambda daemon: daemon.ctl("status"),
    "ctl avail": lambda daemon: daemon.ctl("avail"),
    "ctl start": lambda daemon: daemon.ctl("start", "echo"),
    "ctl start of what runs": lambda daemon: daemon.ctl("start", "echo"),
    "ctl start of what takes a second": lambda daemon: daemon.ctl("start", "slow"),
    "ctl start of what is not there": lambda daemon: daemon.ctl("start", "nothing"),
    "ctl status of what runs": lambda daemon: daemon.ctl("status"),
    "ctl tail -f": show_lines_as_they_come,
    "ctl tail": lambda daemon: daemon.ctl("tail", "echo"),
    "ctl tail of what is not there": lambda daemon: daemon.ctl("tail", "nothing"),
    "ctl tail -f of what is not there": lambda daemon: daemon.ctl("tail", "-f", "nothing"),
    "logtail": tail_over_http,
    "logtail of what is not there": lambda daemon: daemon.ask("GET /logtail/nothing HTTP/1.1"),
    "logtail of a percent": lambda daemon: daemon.ask("GET /logtail/nothing%2Fmore HTTP/1.1"),
    "logtail by POST": lambda daemon: daemon.ask("POST /logtail/echo HTTP/1.1", body=b"x"),
    "the page": lambda daemon: daemon.ask("GET / HTTP/1.1"),
    "the page by HTTP/1.0": lambda daemon: daemon.ask("GET / HTTP/1.0"),
    "the page without a login": lambda daemon: daemon.ask("GET / HTTP/1.1", login=False),
    "the page with a wrong login": lambda daemon: daemon.ask(
        "GET / HTTP/1.1", "Authorization: Basic eDp5", login=False
    ),
    "the page with a login that is none": lambda daemon: daemon.ask(
        "GET / HTTP/1.1", "Authorization: Basic !", login=False
    ),
    "the page's tail": lambda daemon: daemon.ask("GET /tail.html?processname=echo HTTP/1.1"),
    "the page stops a process": lambda daemon: daemon.ask(
        "GET /index.html?processname=echo&action=stop HTTP/1.1"
    ),
    "the page starts it by POST": lambda daemon: daemon.ask(
        "POST /index.html HTTP/1.1", FORM, body=b"processname=echo&action=start"
    ),
    "a file": lambda daemon: daemon.ask("GET /stylesheets/supervisor.css HTTP/1.1"),
    "a file's head": lambda daemon: daemon.ask("HEAD /stylesheets/supervisor.css HTTP/1.1"),
    "a file that is not there": lambda daemon: daemon.ask("GET /nothing HTTP/1.1"),
    "a file above the root": lambda daemon: daemon.ask("GET /../web.py HTTP/1.1"),
    "a file by DELETE": lambda daemon: daemon.ask("DELETE /stylesheets/supervisor.css HTTP/1.1"),
    "two requests at once": two_at_once,
    "a call": lambda daemon: daemon.ask(
        "POST /RPC2 HTTP/1.1", body=call("supervisor.getProcessInfo", "nothing")
    ),
    "a call of what is not there": lambda daemon: daemon.ask(
        "POST /RPC2 HTTP/1.1", body=call("no.such")
    ),
    "a call that is no XML": lambda daemon: daemon.ask("POST /RPC2 HTTP/1.1", body=b"<oops"),
    "a call of no method": lambda daemon: daemon.ask("POST /RPC2 HTTP/1.1", body=call("")),
    "a call without a body": lambda daemon: daemon.ask("POST /RPC2 HTTP/1.1"),
    "a call by GET": lambda daemon: daemon.ask("GET /RPC2 HTTP/1.1"),
    "a call without a login": lambda daemon: daemon.ask(
        "POST /RPC2 HTTP/1.1", body=call("supervisor.getState"), login=False
    ),
    "text in a call": lambda daemon: daemon.call(
        "supervisor.sendRemoteCommEvent", "name", "\u2603 \u00e9"
    ),
    "all methods": lambda daemon: daemon.call("system.listMethods"),
    "several calls in one": lambda daemon: daemon.call(
        "system.multicall",
        [
            {"methodName": "supervisor.stopProcess", "params": ["slow"]},
            {"methodName": "supervisor.startProcess", "params": ["slow"]},
            {"methodName": "supervisor.startProcess", "params": ["nothing"]},
        ],
    ),
    "ctl stop": lambda daemon: sorted(daemon.ctl("stop", "all").splitlines()),  # as they end
    "ctl reload": reload_and_look,
    "ctl status behind a reload": lambda daemon: daemon.ctl("status"),
    "ctl shutdown": lambda daemon: daemon.ctl("shutdown"),
}


def on_a_connection_that_goes_on(own: Answer) -> Answer:
    fields = {name: value for name, value in own.fields.items() if name != "connection"}
    return own._replace(fields=fields)


def error(own: Answer, code: int, **fields: str) -> Answer:
    """The page of another status."""
    reason = HTTPStatus(code).phrase
    _, was, why = own.status.split(" ", 2)
    body = own.body.replace(f"code {was}.", f"code {code}.").replace(f"{why}.", f"{reason}.")
    return Answer(f"HTTP/1.1 {code} {reason}", {**own.fields, **fields}, body)


#: Where our answer is another: why, and what becomes of theirs.
DIFFERENCES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "the page without a login": (
        "the connection goes on behind a 401, for the next request may have a login",
        on_a_connection_that_goes_on,
    ),
    "the page with a wrong login": ("the same", on_a_connection_that_goes_on),
    "a call without a login": ("the same", on_a_connection_that_goes_on),
    "the page with a login that is none": (
        "a login that cannot be read is the client's mistake, not the server's",
        lambda own: error(own, 400),
    ),
    "a file by DELETE": (
        "a method that is known, but not offered, is 405 and names those that are",
        lambda own: error(own, 405, allow="GET, HEAD"),
    ),
    "a call by GET": ("the same", lambda own: error(own, 405, allow="POST")),
}


def transcript(ours: bool) -> dict[str, Any]:
    """What came of every step, and of the end."""
    folder = Path(tempfile.mkdtemp(prefix="s"))  # a Unix socket's path has to be short
    try:
        daemon = Supervisord(folder, ours)
        with daemon.serving() as process:
            said = {step: ask(daemon) for step, ask in STEPS.items()}
            said["exit status"] = process.wait(PATIENCE)[0]
        return said
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def transcripts() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """On its own medusa, and on ours."""
    installed("supervisor", "4.3.0")
    with ThreadPoolExecutor() as both:
        own, ours = both.submit(transcript, False), both.submit(transcript, True)
        yield own.result(), ours.result()


@pytest.mark.parametrize("step", [*STEPS, "exit status"])
def test_it_answers_as_on_its_own_medusa(transcripts, step: str) -> None:
    own, ours = transcripts
    _, change = DIFFERENCES.get(step, ("", lambda same: same))
    assert ours[step] == change(own[step])
