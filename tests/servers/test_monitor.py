"""A monitor: who gets a prompt, what is run, and what is shown of it."""

from __future__ import annotations

import logging
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lifetime import ExitNow, Lifetime, asyncore
from lifetime.testing import Lines, World, check_dispatcher
from servers import monitor as monitor_module
from servers.monitor import Monitor, MonitorChannel, Output, Refused, evaluate, is_whole, proof
from tests.servers.talking import hear, hear_until, talking
from tests.wire.conftest import Peer, Served

HERE = ("127.0.0.1", 0)
PASSWORD = "open sesame"

Open = Callable[..., Served]


@pytest.fixture
def open_monitor(tmp_path: Path) -> Iterator[Open]:
    """open_monitor(address, password, ...): a monitor that runs, by default at a path."""
    with ExitStack() as running:

        def start(address: Any = None, password: str = "", **settings: Any) -> Served:
            where = str(tmp_path / "monitor") if address is None else address
            return running.enter_context(
                talking(lambda lifetime: Monitor(where, password, lifetime=lifetime, **settings))
            )

        yield start


def at_prompt(served: Served) -> Peer:
    """An operator who has been welcomed."""
    peer = served.connect()
    hear_until(peer, b">>> ")
    return peer


def typed(served: Served, *lines: str) -> str:
    """What comes for some lines and an `exit` behind them."""
    peer = at_prompt(served)
    peer.send("".join(f"{each}\r\n" for each in (*lines, "exit")).encode())
    return peer.read_to_end().decode()


def log_in(peer: Peer, password: str) -> None:
    challenge = hear_until(peer, b"\r\n").decode().strip()
    peer.send(proof(challenge, password).encode() + b"\r\n")


# -- who may listen where ----------------------------------------------------------------------


def test_a_unix_socket_is_its_users_alone(open_monitor: Open):
    served = open_monitor()
    assert stat.S_IMODE(os.stat(served.site.addr).st_mode) == 0o600


def test_another_user_is_turned_away(
    open_monitor: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(monitor_module, "may_ask", lambda peer, groups: False)
    assert open_monitor().connect().read_to_end() == b""
    assert "may not use Monitor" in caplog.text


@pytest.mark.parametrize("host", ["", "0.0.0.0", "10.1.2.3", "::", "monitor.example"])
def test_an_address_that_others_reach_has_to_be_meant(host: str):
    with pytest.raises(Refused, match="anywhere=True"):
        Monitor((host, 0), PASSWORD, lifetime=Lifetime())


def test_it_may_be_meant():
    lifetime = Lifetime()
    Monitor(("0.0.0.0", 0), PASSWORD, lifetime=lifetime, anywhere=True).close()


@pytest.mark.parametrize("password", ["", b""])
def test_a_port_needs_a_password(password: str):
    with pytest.raises(Refused, match="needs a password"):
        Monitor(HERE, password, lifetime=Lifetime())


# -- the password ------------------------------------------------------------------------------


def test_who_knows_the_password_gets_a_prompt(open_monitor: Open):
    peer = open_monitor(HERE, PASSWORD).connect()
    log_in(peer, PASSWORD)
    assert hear_until(peer, b">>> ").startswith(f"Python {sys.version[:6]}".encode())


def test_who_does_not_is_told_nothing(open_monitor: Open, caplog: pytest.LogCaptureFixture):
    peer = open_monitor(HERE, PASSWORD).connect()
    log_in(peer, "guess")
    assert peer.read_to_end() == b""
    assert "a login has failed" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_challenge_never_comes_again(open_monitor: Open):
    served = open_monitor(HERE, PASSWORD)
    challenges = {hear_until(served.connect(), b"\r\n") for _ in range(3)}
    assert len(challenges) == 3
    assert all(len(each) == 34 for each in challenges)


def test_nothing_is_run_before_the_password_is_known(open_monitor: Open):
    ran: list[int] = []
    peer = open_monitor(HERE, PASSWORD, namespace={"ran": ran}).connect()
    peer.send(b"ran.append(1)\r\nran.append(2)\r\n\x04")
    hear_until(peer, b"\r\n")
    assert peer.read_to_end() == b""
    assert ran == []


def test_there_is_one_try_for_each_challenge(open_monitor: Open):
    peer = open_monitor(HERE, PASSWORD).connect()
    challenge = hear_until(peer, b"\r\n").decode().strip()
    peer.send(b"wrong\r\n" + proof(challenge, PASSWORD).encode() + b"\r\n")
    assert peer.read_to_end() == b""


def test_who_says_nothing_is_not_waited_for(
    open_monitor: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(monitor_module, "LOGIN_TIME", 0.05)
    peer = open_monitor(HERE, PASSWORD).connect()
    hear_until(peer, b"\r\n")
    assert peer.read_to_end() == b""


def test_the_more_logins_fail_in_a_row_the_longer_one_waits():
    lifetime = Lifetime()
    monitor = Monitor(HERE, PASSWORD, lifetime=lifetime)
    delays = []
    for _ in range(30):
        delays.append(monitor.login_delay())
        monitor.login_failed()
    assert delays[:6] == [0.0, 0.0, 0.0, 1.0, 2.0, 4.0]
    assert max(delays) == delays[-1] == 60.0
    monitor.login_succeeded()
    assert monitor.login_delay() == 0.0
    monitor.close()


def test_who_has_to_wait_gets_the_challenge_later(
    open_monitor: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(monitor_module, "LONGEST_WAIT", 0.05)
    served = open_monitor(HERE, PASSWORD)
    served.site.failures = 7
    peer = served.connect()
    log_in(peer, PASSWORD)
    hear_until(peer, b">>> ")


def test_who_speaks_before_the_challenge_is_hung_up_on(open_monitor: Open):
    served = open_monitor(HERE, PASSWORD)
    served.site.failures = 9
    assert served.connect().send(b"too early\r\n").read_to_end() == b""


def test_who_hangs_up_while_waiting_for_the_challenge_gives_the_place_back(open_monitor: Open):
    served = open_monitor(HERE, PASSWORD, max_channels=1)
    served.site.failures = 9
    served.connect().sock.close()
    # The next one is let in only when there is room again.
    assert served.connect().send(b"too early\r\n").read_to_end() == b""


def test_who_has_to_wait_does_not_hold_a_stop(open_monitor: Open):
    served = open_monitor(HERE, PASSWORD)
    served.site.failures = 9
    peer = served.connect().send(b"guess\r\n")
    served.lifetime.call_soon_threadsafe(served.lifetime.shutdown)
    assert peer.read_to_end() == b""
    peer.sock.close()
    served.thread.join(10.0)
    drained = served.lifetime.report.phases[-1]
    assert drained.seconds < 1.0


def test_a_unix_socket_may_have_a_password_too(open_monitor: Open):
    peer = open_monitor(password=PASSWORD).connect()
    log_in(peer, PASSWORD)
    hear_until(peer, b">>> ")


# -- the prompt --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("1+1", "2\r\n"),
        ("'a'", "'a'\r\n"),
        ("None", ""),
        ("", ""),
        ("x = 3", ""),
        ("1; 2", "1\r\n2\r\n"),
        ('print("a\\nb")', "a\r\nb\r\n"),
        ('print("a", end="")', "a\r\n"),
        ("'caf\u00e9'", "'caf\u00e9'\r\n"),
    ],
)
def test_the_answer_to_a_line(open_monitor: Open, line: str, answer: str):
    assert typed(open_monitor(), line) == f"{answer}>>> BCNU\r\n"


def test_an_underscore_is_the_last_result(open_monitor: Open):
    assert typed(open_monitor(), "6*7", "None", "_ + 1") == "42\r\n>>> >>> 43\r\n>>> BCNU\r\n"


def test_a_statement_may_have_several_lines(open_monitor: Open):
    said = typed(open_monitor(), "for i in range(2):", "  print(i)", "", "(1 +", "2)")
    assert said == "... ... 0\r\n1\r\n>>> ... 3\r\n>>> BCNU\r\n"


@pytest.mark.parametrize("end", [b"exit\r\n", b"exit\n", b"\x04", b"1+\x04"])
def test_a_session_ends_when_one_wants(open_monitor: Open, end: bytes):
    assert at_prompt(open_monitor()).send(end).read_to_end() == b"BCNU\r\n"


def test_a_line_that_nobody_types_ends_it(open_monitor: Open):
    assert at_prompt(open_monitor()).send(b"#" * 1025 + b"\r\n").read_to_end() == b"BCNU\r\n"


def test_telnet_and_backspaces_are_understood():
    line = b"\xff\xfb\x1f\xff\xfd\x031+caf\xc3\xa9\x7f\x7f\x08\x08\x7f2\xff\xf1"
    assert MonitorChannel.clean_line(None, line) == "12"  # type: ignore[arg-type]


def test_each_operator_has_names_of_its_own(open_monitor: Open):
    served = open_monitor(namespace={"shared": []})
    first, second = at_prompt(served), at_prompt(served)
    hear_until(first.send(b"mine = 1; shared.append(1)\n"), b">>> ")
    second.send(b"'mine' in globals(), shared\n")
    hear(second, "(False, [1])\r\n>>> ")


def test_what_is_typed_runs_in_the_loops_thread(open_monitor: Open):
    threads: list[threading.Thread] = []
    served = open_monitor(namespace={"threads": threads, "threading": threading})
    typed(served, "threads.append(threading.current_thread())")
    assert threads == [served.thread]


# -- what goes wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1/0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("x = '\udcfe'", "surrogates"),
        ("(" * 300, "parenthes"),
        ("class E(Exception):\r\n  __str__ = 3\r\n\r\nraise E", "str() failed"),
        ("class R:\r\n  def __repr__(self): 1/0\r\n\r\nR()", "ZeroDivisionError"),
    ],
)
def test_an_exception_is_shown_and_harms_nobody(open_monitor: Open, line: str, said: str):
    peer = at_prompt(open_monitor())
    peer.send(line.encode("utf-8", "surrogateescape") + b"\r\n2+2\r\nexit\r\n")
    answer = peer.read_to_end().decode()
    assert said in answer
    assert answer.endswith(">>> 4\r\n>>> BCNU\r\n")


def test_a_traceback_begins_with_what_was_typed(open_monitor: Open):
    said = typed(open_monitor(), "def f(): 1/0", "", "f()")
    assert said.count('File "<monitor>"') == 2
    assert "monitor.py" not in said


def test_what_was_printed_before_an_exception_is_shown_too():
    said = evaluate("print('first'); 1/0", {})
    assert said.startswith("first\nTraceback")


def test_exit_now_leaves_the_loop():
    with pytest.raises(ExitNow):
        evaluate("raise asyncore.ExitNow", {"asyncore": asyncore})


def test_endless_output_is_cut(open_monitor: Open):
    said = typed(open_monitor(), "print('x' * 1000000)")
    assert said == "x" * 65536 + "\r\n[and 934465 characters more]\r\n>>> BCNU\r\n"


def test_an_endless_statement_is_forgotten(open_monitor: Open):
    lines = ["x = [", *["'" + "x" * 990 + "'," for _ in range(67)], "1"]
    said = typed(open_monitor(), *lines)
    assert "more than 65536 characters in one statement: forgotten" in said
    assert said.endswith(">>> 1\r\n>>> BCNU\r\n")


def test_who_does_not_read_is_not_listened_to(open_monitor: Open):
    ran: list[int] = []
    served = open_monitor(namespace={"ran": ran})
    peer = at_prompt(served)
    peer.send(b"ran.append(1); print('x' * 60000)\n" * 300)
    other = at_prompt(served)
    hear_until(other.send(b"ran.append(2)\n"), b">>> ")
    assert ran.count(1) < 300
    peer.send(b"exit\n")
    assert len(peer.read_to_end()) == 300 * 60006 + 6
    assert ran.count(1) == 300


def test_what_other_threads_print_goes_where_it_went(capsys: pytest.CaptureFixture[str]):
    def of_another() -> None:
        thread = threading.Thread(target=print, args=("theirs",))
        thread.start()
        thread.join()

    assert evaluate("of_another(); print('ours')", {"of_another": of_another}) == "ours\n"
    assert capsys.readouterr().out == "theirs\n"


def test_standard_output_is_left_as_it_was():
    before = sys.stdout
    evaluate("1/0", {})
    assert sys.stdout is before


def test_what_is_typed_is_logged_and_cannot_forge_lines(
    open_monitor: Open, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "servers")
    typed(open_monitor(), "'\x1b[2J' + \"a\"")
    assert "'\\x1b[2J' + \\x22a\\x22" in caplog.text


def test_output_counts_what_it_has_no_room_for():
    output = Output()
    assert output.write("x" * 65537) == 65537
    assert output.write("y") == 1
    assert output.text().endswith("x\n[and 2 characters more]\n")


@pytest.mark.parametrize(
    ("source", "whole"),
    [("1", True), ("if 1:", False), ("if 1:\n 1\n", True), ("def f(:", True), ("'''", False)],
)
def test_a_statement_is_whole_when_nothing_is_missing(source: str, whole: bool):
    assert is_whole(source) is whole


# -- the stop ----------------------------------------------------------------------------------


def test_a_stop_bids_operators_farewell(open_monitor: Open):
    served = open_monitor()
    peer = at_prompt(served)
    served.lifetime.shutdown()
    assert peer.read_to_end() == b"BCNU\r\n"
    peer.sock.close()
    served.thread.join(10.0)
    assert served.lifetime.report.exit_status == 0
    assert not os.path.exists(served.site.addr)


def test_an_operator_may_stop_the_server_from_the_prompt(open_monitor: Open):
    lifetimes: list[Lifetime] = []
    served = open_monitor(namespace={"lifetimes": lifetimes})
    lifetimes.append(served.lifetime)
    peer = at_prompt(served).send(b"lifetimes[0].shutdown()\n")
    assert peer.read_to_end() == b">>> BCNU\r\n"


class Plain(Monitor):
    needs_password = False


REACHED = [
    "keep-alive connection idle at the stop",
    "request in flight at the stop",
    "request half sent at the stop",
    "slow reader at the stop",
    "half closed at the stop",
]


def monitor_in(world: World) -> Any:
    banner = f"Python {sys.version}\n{sys.copyright}\nWelcome\n".count("\n")
    world.speaks(Lines("1+1", "2*3", "1/1", greeting=banner, goodbye=">>> BCNU"))
    return Plain(HERE, namespace={})


def test_it_obeys_the_laws_of_a_shutdown():
    check_dispatcher(monitor_in, examples=300, must_reach=REACHED)


def closed_monitor_in(world: World) -> Any:
    return Monitor(HERE, PASSWORD, namespace={})


def test_it_obeys_them_also_with_a_password():
    check_dispatcher(closed_monitor_in, examples=100)
