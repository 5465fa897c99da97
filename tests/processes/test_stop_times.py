"""How soon a server leaves, what its exit status says, and that it sleeps until then."""

import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

import lifetime
from servers.http import HTTPListener
from tests.processes.leaving_server import LEFT
from tests.processes.server import PROJECT, ServerProcess, example_server
from tests.site_folder import fill

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="counts switches in /proc")

HELLO = b"GET /hello HTTP/1.1\r\nHost: example.org\r\n\r\n"
SLOW = b"GET /slow?ms=20000 HTTP/1.1\r\nHost: example.org\r\n\r\n"

# What the example server imports, and nothing that serves: its way out is the interpreter's own.
INTERPRETER_ALONE = """
import signal
import tests.example_server
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("http://127.0.0.1:1", flush=True)
signal.sigwait([signal.SIGTERM])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("site"))


@pytest.fixture
def server(site: Path) -> Iterator[ServerProcess]:
    with ServerProcess(example_server(site)) as server:
        yield server


def connect(server: ServerProcess) -> socket.socket:
    return socket.create_connection(server.address, timeout=10)


def ask_hello(connection: socket.socket) -> bytes:
    """One request and its whole answer; the connection stays."""
    connection.sendall(HELLO)
    answer = b""
    while not answer.endswith(b"Hello, world\n"):
        data = connection.recv(65536)
        assert data, f"closed after {answer!r}"
        answer += data
    return answer


def read_to_the_end(connection: socket.socket) -> bytes:
    pieces = iter(lambda: connection.recv(65536), b"")
    return b"".join(pieces)


def stop_time(server: ServerProcess, number: int = signal.SIGTERM) -> float:
    """Seconds from the signal to the end of the process."""
    asked = server.signal(number)
    return server.wait(timeout=30)[1] - asked


def interpreters_own_stop_time() -> float:
    with ServerProcess([sys.executable, "-c", INTERPRETER_ALONE]) as process:
        return stop_time(process)


def test_an_idle_server_leaves_50_ms_after_the_interpreter_could(site: Path) -> None:
    ours, interpreters = [], []
    for _ in range(5):
        interpreters.append(interpreters_own_stop_time())
        with ServerProcess(example_server(site)) as server:
            ours.append(stop_time(server))
    assert statistics.median(ours) - statistics.median(interpreters) < 0.050


def test_a_server_with_1000_quiet_connections_leaves_within_200_ms(site: Path) -> None:
    quiet_time = 0.1
    options = ("--limit", f"quiet_time={quiet_time}", "--limit", "connections=2000")
    times = []
    for _ in range(3):
        with ServerProcess(example_server(site, *options)) as server, ExitStack() as connections:
            for _ in range(1000):
                ask_hello(connections.enter_context(connect(server)))
            time.sleep(3 * quiet_time)  # this is the quiet that the server may act upon
            times.append(stop_time(server))
    assert statistics.median(times) < 0.200


def notice_time() -> float:
    """Seconds from a thread's shutdown() until the idle loop has entered phase 1."""
    serving = threading.Event()
    asked: list[float] = []
    entered: list[float] = []

    def ask() -> None:
        serving.wait()
        time.sleep(0.02)  # so that the loop sleeps: to be woken up is what we measure
        asked.append(time.monotonic())
        lifetime.shutdown()

    HTTPListener("127.0.0.1", 0, access_log=None)  # a loop without anybody to serve returns at once
    thread = threading.Thread(target=ask)
    forget = lifetime.on_phase(lambda phase: entered.append(time.monotonic()))
    lifetime.call_later(0.0, serving.set)
    thread.start()
    lifetime.run()
    thread.join()
    forget()
    return entered[0] - asked[0]


def test_a_shutdown_from_a_thread_is_noticed_within_5_ms() -> None:
    assert statistics.median(notice_time() for _ in range(20)) < 0.005


def context_switches(pid: int) -> int:
    """How often the threads of a process gave up or lost the processor so far."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def settle(pid: int) -> int:
    """Wait until the process sleeps; return its context switches up to then."""
    before, now = -1, context_switches(pid)
    while now != before:
        time.sleep(0.2)
        before, now = now, context_switches(pid)
    return now


@LINUX
def test_an_idle_server_is_never_woken_up(server: ServerProcess) -> None:
    with closing(connect(server)) as connection:
        ask_hello(connection)
        before = settle(server.pid)
        time.sleep(2.5)  # this is the idleness
        assert context_switches(server.pid) == before


def stop_and_see(server: ServerProcess) -> None:
    """Send the first signal, and ask until an answer shows that it has been obeyed."""
    with closing(connect(server)) as connection:
        ask_hello(connection)
        server.signal(signal.SIGTERM)
        while b"connection: close" not in ask_hello(connection).lower():
            pass


def test_a_second_signal_shortens_the_stop_to_a_second_per_phase(server: ServerProcess) -> None:
    with closing(connect(server)) as connection:
        connection.sendall(SLOW)
        stop_and_see(server)
        assert stop_time(server) < 4.0


def test_a_third_signal_ends_it_at_once(server: ServerProcess) -> None:
    with closing(connect(server)) as connection:
        connection.sendall(SLOW)
        stop_and_see(server)
        server.signal(signal.SIGTERM)
        assert not server.over.wait(0.3)
        assert stop_time(server) < 0.3


def test_an_end_that_cut_a_request_off_shows_in_the_exit_status(server: ServerProcess) -> None:
    with closing(connect(server)) as connection:
        connection.sendall(SLOW)
        stop_and_see(server)
        server.signal(signal.SIGTERM)
        code, _ = server.wait(timeout=10)
    assert code == lifetime.EXIT_FORCED


def test_an_orderly_end_has_exit_status_0(server: ServerProcess) -> None:
    server.signal(signal.SIGTERM)
    assert server.wait(timeout=10)[0] == 0


def test_a_hang_up_signal_asks_for_a_restart_with_exit_status_3(server: ServerProcess) -> None:
    server.signal(signal.SIGHUP)
    assert server.wait(timeout=10)[0] == 3


def test_a_request_that_shuts_the_server_down_gets_its_own_answer() -> None:
    with ServerProcess([sys.executable, "-m", "tests.processes.leaving_server"]) as server:
        with closing(connect(server)) as connection:
            connection.sendall(b"GET /leave HTTP/1.1\r\nHost: example.org\r\n\r\n")
            answer = read_to_the_end(connection)
        assert server.wait(timeout=10)[0] == LEFT
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in head.lower()
    assert body == b"Goodbye\n"


STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"]

RUN_ONCE = """
import signal, sys
import lifetime
from servers.http import HTTPListener

HTTPListener("127.0.0.1", 0, access_log=None)
number = getattr(signal, sys.argv[1])
own = lambda number, frame: None
signal.signal(number, own)
during = []
lifetime.call_later(0.0, lambda: during.append(signal.getsignal(number)))
lifetime.call_later(0.0, lifetime.shutdown)
lifetime.run()
assert during and during != [own], "the run did not take the signal over"
assert signal.getsignal(number) is own, "the run did not give the signal back"
"""


@pytest.mark.parametrize("name", STOP_SIGNALS)
def test_a_signal_handler_that_was_there_before_is_there_afterwards(name: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", RUN_ONCE, name]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
