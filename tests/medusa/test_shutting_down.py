"""Idioms 13 and 14: shutting down from anywhere, again and again; and giving up privileges."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading

import pytest

from servers.medusa import asyncore_25 as asyncore
from servers.zserver import Lifetime
from tests.medusa.conftest import get
from tests.medusa.test_replies import answers, hello_handler


@pytest.mark.parametrize("number", range(3))
def test_a_server_is_set_up_and_torn_down_many_times_in_one_process(serve, number):
    running = serve(hello_handler())
    assert running.get("/hello") == b"hello"
    running.stop()
    assert not asyncore.socket_map


@pytest.mark.parametrize(
    "arguments, keywords, code",
    [((0,), {}, 0), ((1,), {}, 1), ((0,), {"fast": 1}, 0), ((), {"exit_code": 0, "fast": 1}, 0)],
)
def test_the_forms_of_shutdown(serve, arguments, keywords, code):
    running = serve(hello_handler())
    running.get("/hello")
    for sock in running._peers:
        sock.close()
    Lifetime.shutdown(*arguments, **keywords)
    running.thread.join(10.0)
    assert (Lifetime.exit_code, Lifetime._shutdown_phase) == (code, 4)


def test_a_restart_button_in_a_worker_thread_gets_its_answer_out(serve):
    def restart(request):
        def work():
            Lifetime.shutdown(1)
            request["Content-Length"] = 10
            request.push("restarting")
            request.done()

        threading.Thread(target=work).start()

    running = serve(answers(restart))
    status, fields, body = running.ask(get("/"))
    assert (status, fields["connection"], body) == (200, "close", b"restarting")
    running.thread.join(10.0)
    assert Lifetime.exit_code == 1


def test_the_phase_is_read_while_it_lasts(serve):
    phases = []

    class witness(asyncore.dispatcher):
        def clean_shutdown_control(self, phase, time_in_phase):
            phases.append((phase, Lifetime._shutdown_phase))

        def readable(self):
            return 0

        def writable(self):
            return 0

    running = serve(hello_handler())
    seen = witness()
    seen.create_socket(socket.AF_INET, socket.SOCK_STREAM)
    running.get("/hello")
    running.stop()
    assert {(1, 1), (2, 2), (3, 3)} <= set(phases)


@pytest.mark.parametrize("stopped_by", [signal.SIGTERM, signal.SIGINT])
def test_the_signals_of_zope_stop_the_loop(stopped_by):
    process = script(
        """
        from servers.zserver import Lifetime, Signals
        from servers.medusa import http_server
        import sys
        Signals.registerZopeSignals()
        server = http_server.http_server("127.0.0.1", 0)
        print("ready", flush=True)
        Lifetime.loop()
        print("phase", Lifetime._shutdown_phase, flush=True)
        """
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(stopped_by)
        assert process.communicate(timeout=20)[0] == "phase 4\n"


def test_a_script_with_its_own_signal_handler_stops_by_it():
    process = script(
        """
        import signal
        from servers.zserver import Lifetime
        from servers.medusa import http_server
        signal.signal(signal.SIGTERM, lambda number, frame: Lifetime.shutdown(3))
        server = http_server.http_server("127.0.0.1", 0)
        print("ready", flush=True)
        Lifetime.loop()
        raise SystemExit(Lifetime.exit_code)
        """
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 3


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can give it up")
def test_a_server_that_becomes_nobody_behind_bind_goes_on(tmp_path):
    process = script(
        """
        import os, sys
        from servers.medusa import http_server
        from servers.zserver import Lifetime
        from tests.medusa.test_replies import hello_handler
        server = http_server.http_server("127.0.0.1", 0)
        server.install_handler(hello_handler())
        os.setegid(65534)
        os.seteuid(65534)
        print(server.server_port, flush=True)
        Lifetime.loop()
        """
    )
    with process:
        port = int(process.stdout.readline())
        assert ask(port, get("/hello")).endswith(b"hello")
        process.kill()
        process.communicate(timeout=20)


def script(text: str) -> subprocess.Popen[str]:
    """A program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )


def ask(port: int, data: bytes) -> bytes:
    """All that a server answers."""
    with socket.create_connection(("127.0.0.1", port), 10.0) as sock:
        sock.sendall(data.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        sock.settimeout(10.0)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer
