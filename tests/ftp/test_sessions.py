"""Logging in, and what one client may do to others: nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from servers.ftp import Authorizer, FTPLimits, FTPListener, anonymous
from tests.ftp.conftest import QUICK, Served
from tests.ftp.control import read_all

# -- logging in --------------------------------------------------------------------------------


def test_anonymous_sees_and_fetches(served: Served):
    control = served.connect()
    control.ask("USER anonymous")
    assert control.ask("PASS me@example.org").startswith("230 ")
    control.ask("TYPE I")
    data = control.passive()
    assert control.ask("RETR a.txt").startswith(("125 ", "150 "))
    assert read_all(data) == b"hello\n"


@pytest.mark.parametrize("command", ["STOR b", "DELE a.txt", "MKD b", "RMD sub", "RNFR a.txt"])
def test_anonymous_changes_nothing(served: Served, command: str):
    control = served.connect()
    control.ask("USER anonymous")
    control.ask("PASS me@example.org")
    control.passive()
    assert control.ask(command).startswith("550 ")


@pytest.mark.parametrize("user", ["ann", "nobody-we-know"])
def test_a_wrong_password_and_an_unknown_user_look_alike(served: Served, user: str):
    control = served.connect()
    assert control.ask(f"USER {user}") == "331 Username ok, send password."
    assert control.ask("PASS wrong") == "530 Authentication failed."


def test_after_some_wrong_passwords_the_session_ends(serve):
    control = serve(limits=FTPLimits(login_delay=0.01, login_attempts=2)).connect()
    control.send("USER ann").reply()
    assert control.ask("PASS 1").startswith("530 ")
    control.send("USER ann").reply()
    control.send("PASS 2")
    assert control.read_to_end() == b"530 Authentication failed. Disconnecting.\r\n"


def test_a_wrong_password_is_answered_after_a_pause(serve):
    served = serve(limits=FTPLimits(login_delay=60.0))
    control = served.connect()
    control.ask("USER ann")
    control.send("PASS wrong", "NOOP")
    control.sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        control.reply()


def test_what_a_client_must_log_in_for_says_so(served: Served):
    assert served.connect().ask("PWD") == "530 Log in with USER and PASS first."


def test_passwords_that_are_tried_at_once_are_answered_one_by_one(serve):
    limits = FTPLimits(login_delay=0.05, login_attempts=3)
    control = serve(limits=limits).connect()
    control.send("USER ann", "PASS 1", "USER ann", "PASS 2", "USER ann", "PASS secret")
    replies = [control.reply()[:3] for _ in range(6)]
    assert replies == ["331", "530", "331", "530", "331", "230"]


def test_who_does_not_log_in_is_closed(serve):
    control = serve(limits=FTPLimits(login_time=0.2)).connect()
    assert control.read_to_end() == b"421 Control connection timed out.\r\n"


def test_who_has_logged_in_may_stay(serve):
    control = serve(limits=FTPLimits(login_time=0.3, idle_time=20.0)).log_in()
    control.sock.settimeout(0.6)
    with pytest.raises(TimeoutError):
        control.reply()
    assert control.ask("NOOP").startswith("200 ")


def test_an_idle_session_is_closed(serve):
    control = serve(limits=FTPLimits(idle_time=0.2)).log_in()
    assert control.reply() == "421 Control connection timed out."


def test_anonymous_of_a_folder_that_is_not_there_says_so(tmp_path: Path):
    with pytest.raises(ValueError, match="no such directory"):
        anonymous(tmp_path / "nothing")


def test_a_user_cannot_leave_the_folder(served: Served, folder: Path):
    (folder.parent / "secret.txt").write_bytes(b"secret")
    (folder / "link").symlink_to(folder.parent / "secret.txt")
    control = served.log_in()
    assert control.ask("CWD ../..").startswith("250 ")
    assert control.ask("PWD").startswith('257 "/"')
    assert control.ask("SIZE link").startswith("550 ")


# -- bounds ------------------------------------------------------------------------------------


def test_more_connections_than_one_address_may_have_are_refused(serve):
    served = serve(limits=FTPLimits(connections_per_address=1))
    first = served.connect()
    second = served.connect_silently()
    assert second.read_to_end() == b"421 Too many connections from your address.\r\n"
    first.send("QUIT").read_to_end()
    served.connect()


def test_more_connections_than_there_may_be_wait(serve):
    served = serve(limits=FTPLimits(connections=1))
    first = served.connect()
    second = served.connect_silently()
    second.sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        second.reply()
    second.sock.settimeout(10.0)
    first.send("QUIT").read_to_end()
    assert second.reply().startswith("220 ")


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_command_that_is_too_long_ends_the_session(served: Served, end: bytes):
    control = served.log_in()
    control.send_raw(b"NOOP " + b"x" * 3000 + end)
    assert control.read_to_end() == b"500 Command too long.\r\n"


def test_more_commands_behind_a_transfer_than_there_may_be_end_the_session(serve):
    control = serve(limits=FTPLimits(pipelined=2)).log_in()
    control.passive()
    assert control.ask("STOR up.bin").startswith(("125 ", "150 "))
    control.send("PWD", "PWD", "PWD")
    assert control.read_to_end() == b"421 Too many commands at once.\r\n"


def test_who_takes_no_replies_is_closed(serve):
    served = serve(limits=FTPLimits(replies=10))
    control = served.log_in()
    control.sock.settimeout(10.0)
    with pytest.raises(ConnectionError):
        while True:
            control.send_raw(b"HELP\r\n" * 1000)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"connections": 0}, "connections=0: give at least 1"),
        ({"idle_time": -1.0}, "idle_time=-1.0: give at least 0.0"),
    ],
)
def test_a_limit_that_makes_no_sense_says_so(value: dict[str, float], told: str):
    with pytest.raises(ValueError, match=told):
        FTPLimits(**value)  # type: ignore[arg-type]


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"SIZE a\0b", b"MKD a\nb", b"CWD a\rb"])
def test_a_name_that_would_end_a_line_is_refused(served: Served, line: bytes):
    control = served.log_in()
    control.send_raw(line + b"\r\n")
    assert control.reply() == "501 A command holds no NUL, CR or LF."


@pytest.mark.parametrize(
    "line",
    ["", " ", "BOGUS", "PORT 1,2,3", "PORT 1,2,3,4,5,x", "EPRT |1|x|1|", "REST -1", "TYPE E"],
)
def test_what_is_no_command_is_told(served: Served, line: str):
    control = served.log_in()
    assert control.ask(line)[0] == "5"
    assert control.ask("NOOP").startswith("200 ")


@pytest.mark.parametrize("command", ["RETR a.txt", "STOR b.txt", "LIST"])
def test_a_transfer_without_a_data_connection_is_told(served: Served, command: str):
    assert served.log_in().ask(command) == "425 Use PASV or PORT first."


def test_a_command_whose_answer_fails_is_told_and_the_session_goes_on(served: Served, monkeypatch):
    def fail(*_: object) -> None:
        raise ArithmeticError("two and two")

    monkeypatch.setattr(FTPListener.channel_class, "ftp_PWD", fail)
    control = served.log_in()
    assert control.ask("PWD") == "451 The command failed; the server's log says why."
    assert control.ask("NOOP").startswith("200 ")


def test_port_to_somebody_else_is_refused(served: Served):
    told = served.log_in().ask("PORT 192,0,2,1,100,1")
    assert told.startswith("501 Rejected data connection to foreign address")


def test_port_to_a_port_of_the_system_is_refused(served: Served):
    assert served.log_in().ask("PORT 127,0,0,1,0,25").startswith("501 ")


def test_port_where_nobody_listens_is_told(served: Served):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    told = served.log_in().ask(f"PORT 127,0,0,1,{port // 256},{port % 256}")
    assert told == "425 No data connection can be made to that address."


def test_a_stranger_who_connects_to_pasv_is_not_heard_of(served: Served):
    control = served.log_in()
    address = control.passive_address()
    stranger = control.adopt(socket.socket())
    stranger.bind(("127.0.0.2", 0))
    stranger.connect(address)
    assert stranger.recv(1) == b""
    data = control.adopt(socket.create_connection(address, 10.0))
    assert control.ask("RETR a.txt").startswith(("125 ", "150 "))
    assert read_all(data) == b"hello\n"


def test_many_sessions_leave_no_descriptor(served: Served):
    for _ in range(5):
        control = served.log_in()
        control.passive()
        control.ask("STOR up.bin")
        control.close()
    served.lifetime.shutdown()
    served.ended()
    assert served.listener.engine.socket_map == {}
    assert len(served.lifetime.timers) == 0


def test_any_of_pyftpdlibs_authorizers_will_do(serve, folder: Path):
    authorizer = Authorizer.__base__()
    authorizer.add_user("bob", "x", str(folder))
    control = serve(authorizer=authorizer, limits=QUICK).connect()
    control.ask("USER bob")
    assert control.ask("PASS x").startswith("230 ")


def test_nothing_wakes_the_loop_for_an_idle_session(served: Served):
    served.log_in()

    def rest() -> float:
        return (served.lifetime.timers.next_deadline() or 0.0) - served.lifetime.clock()

    assert served.in_loop(rest) > QUICK.idle_time - 10.0


def test_a_missing_engine_is_one_sentence():
    program = "import sys; sys.modules['pyftpdlib'] = None; import servers.ftp"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    told = "ImportError: FTP needs pyftpdlib: pip install 'lifetime-servers[ftp]'"
    assert done.stderr.splitlines()[-1] == told
