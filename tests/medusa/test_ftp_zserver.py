"""ZServer's FTP server: each command is a request for a method of a published object."""

from __future__ import annotations

import marshal
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from servers.ftp import FTPLimits
from servers.zserver import Lifetime
from servers.zserver.FTPRequest import FTPRequest
from servers.zserver.FTPServer import FTPServer
from tests.ftp.control import Control, read_all

FILE, FOLDER = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755


class Site:
    """What an application publishes: a folder of documents, as Zope's objects answer FTP."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {"a.txt": b"hello\n"}
        self.asked: list[str] = []
        self.environs: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, request: Any, response: Any) -> Any:
        env = request.environ
        self.environs.append(env)
        query = f"?{env['QUERY_STRING']}" if env["QUERY_STRING"] else ""
        self.asked.append(f"{env['REQUEST_METHOD']} {env['PATH_INFO']}{query}")
        assert self.gate.wait(10)
        *_, name, method = ("/" + env["PATH_INFO"]).split("/")
        if env.get("HTTP_AUTHORIZATION") == "Basic YW5uOndyb25n":  # ann:wrong
            response.setStatus(401)
        elif env["REQUEST_METHOD"] == "PUT":
            self.documents[method] = request.stdin.read()
            response.setStatus(201)
        elif method == "manage_FTPlist" and name in ("", "sub"):
            return marshal.dumps(tuple((each, self.status(each)) for each in self.documents))
        elif method == "manage_FTPstat" and name in self.documents:
            return marshal.dumps(self.status(name))
        elif method == "manage_FTPget" and name in self.documents:
            return self.documents[name]
        elif method in ("manage_delObjects", "manage_addFolder", "manage_renameObject"):
            return "done"
        else:
            response.setStatus(404)
        return None

    def status(self, name: str) -> tuple[Any, ...]:
        return (FILE, 0, 0, 1, "ann", "staff", len(self.documents[name]), 0, 86400, 0)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def connect(site: Site, run: Any, lines: Any) -> Iterator[Callable[..., Control]]:
    """connect(user, password, **settings): a session of a new server."""
    controls: list[Control] = []
    servers: list[Any] = []

    def start(user: str = "ann", password: str = "secret", **settings: Any) -> Control:
        if not servers:
            settings.setdefault("limits", FTPLimits(login_delay=0.01))
            server = FTPServer(
                site, ip="127.0.0.1", hostname="h", port=0, logger_object=lines, **settings
            )
            run(server)
            servers.append(server)
        control = Control(socket.create_connection(servers[0].getsockname(), 10.0))
        controls.append(control)
        assert control.reply().startswith("220 h ")
        assert control.ask(f"USER {user}") == "331 Password required."
        control.greeting = control.ask(f"PASS {password}")
        return control

    yield start
    site.gate.set()
    for control in controls:
        control.close()


def test_to_log_in_is_to_list_the_folder(connect, site: Site):
    assert connect().greeting == "230 Login successful."
    assert site.asked == ["GET /manage_FTPlist"]
    env = site.environs[0]
    assert env["HTTP_AUTHORIZATION"] == "Basic YW5uOnNlY3JldA=="
    assert env["SERVER_PROTOCOL"] == "FTP"


def test_a_user_may_say_where_to_begin(connect, site: Site):
    control = connect("ann@sub")
    assert site.asked == ["GET /sub/manage_FTPlist"]
    assert control.ask("PWD") == '257 "/sub" is the current directory.'


def test_anonymous_sends_no_password_on(connect, site: Site):
    connect("anonymous", "me@x")
    assert "HTTP_AUTHORIZATION" not in site.environs[0]


def test_a_wrong_password_is_the_applications_word(connect):
    control = connect("ann", "wrong")
    assert control.greeting == "530 Login incorrect."
    assert control.ask("LIST") == "530 Please log in with USER and PASS"


def test_one_user_is_logged_in_once(connect):
    connect()
    second = connect()
    assert second.greeting == "421 User limit reached. Closing connection."
    assert second.read_to_end() == b""


def test_a_listing_is_what_the_application_says(connect):
    control = connect()
    data = control.passive()
    assert control.ask("LIST").startswith("150 ")
    line = read_all(data).decode()
    assert line.startswith("-rw-r--r--   1 ann      staff           6 Jan  2  1970 a.txt")
    assert control.reply() == "226 Transfer complete."
    data = control.passive()
    assert control.ask("NLST -a").startswith("150 ")
    assert read_all(data) == b"a.txt\r\n"


def test_files_come_and_go(connect, site: Site):
    control = connect()
    data = control.passive()
    assert control.ask("RETR a.txt").startswith("150 ")
    assert read_all(data) == b"hello\n"
    assert control.reply() == "226 Transfer complete."
    data = control.passive()
    assert control.ask("STOR b.txt").startswith("150 ")
    data.sendall(b"new\n")
    data.close()
    assert control.reply() == "226 Transfer complete."
    assert site.documents["b.txt"] == b"new\n"
    assert site.asked[1:] == ["GET /a.txt/manage_FTPget", "PUT /b.txt"]


def test_who_quits_behind_an_upload_is_told_that_it_was_stored(connect, site: Site):
    control = connect()
    data = control.passive()
    site.gate.clear()
    control.ask("STOR b.txt")
    data.sendall(b"new\n")
    data.close()
    assert any(site.asked[-1] == "PUT /b.txt" for _ in range(10_000) if control.ask("NOOP"))
    assert control.ask("QUIT").startswith("221 ")
    site.gate.set()
    assert control.read_to_end() == b"226 Transfer complete.\r\n"
    assert site.documents["b.txt"] == b"new\n"


def test_who_quits_during_an_upload_is_told_that_it_was_stored(connect, site: Site):
    control = connect()
    data = control.passive()
    control.ask("STOR b.txt")
    data.sendall(b"new\n")
    assert control.ask("QUIT").startswith("221 ")
    data.close()
    assert control.read_to_end() == b"226 Transfer complete.\r\n"
    assert site.documents["b.txt"] == b"new\n"


def test_who_quits_while_a_file_is_looked_for_still_gets_it(connect, site: Site):
    control = connect()
    data = control.passive()
    site.gate.clear()
    assert control.send("RETR a.txt", "QUIT").reply().startswith("221 ")
    site.gate.set()
    assert read_all(data) == b"hello\n"
    assert control.read_to_end().endswith(b"226 Transfer complete.\r\n")


def test_a_download_goes_on_where_it_is_told(connect):
    control = connect()
    control.ask("REST 2")
    data = control.passive()
    assert control.ask("RETR a.txt").startswith("150 ")
    assert read_all(data) == b"llo\n"


def test_a_torn_upload_is_not_published(connect, site: Site):
    control = connect()
    data = control.passive()
    assert control.ask("STOR b.txt").startswith("150 ")
    data.sendall(b"half")
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    data.close()
    assert control.reply() == "426 Connection reset by peer; transfer aborted."
    assert "b.txt" not in site.documents
    assert control.ask("NOOP").startswith("200 ")


@pytest.mark.parametrize(
    ("command", "reply", "asked"),
    [
        ("SIZE a.txt", "213 6", "GET /a.txt/manage_FTPstat"),
        ("MDTM a.txt", "213 19700102000000", "GET /a.txt/manage_FTPstat"),
        ("MKD d", "257 MKD command successful.", "GET /manage_addFolder?id=d"),
        ("XMKD d", "257 MKD command successful.", "GET /manage_addFolder?id=d"),
        ("RMD d", "250 RMD command successful.", "GET /manage_delObjects?ids=d"),
        ("DELE a&b", "250 DELE command successful.", "GET /manage_delObjects?ids=a%26b"),
        ("CWD sub", "250 CWD command successful.", "GET /sub/manage_FTPlist"),
        ("CWD nope", "550 No such directory.", "GET /nope/manage_FTPlist"),
        ("RETR nope", "550 Error opening file.", "GET /nope/manage_FTPget"),
    ],
)
def test_a_command_is_a_request(connect, site: Site, command: str, reply: str, asked: str):
    assert connect().ask(command) == reply
    assert site.asked[1:] == [asked]


def test_a_rename_is_a_request_when_both_names_are_known(connect, site: Site):
    control = connect()
    assert control.ask("RNTO b.txt") == "503 Use RNFR first."
    assert control.ask("RNFR a.txt").startswith("350 ")
    assert control.ask("RNTO b.txt") == "250 RNTO command successful."
    assert site.asked[-1] == "GET /manage_renameObject?id=a.txt&new_id=b.txt"


@pytest.mark.parametrize("command", ["APPE a.txt", "BOGUS", "SIZE", "RNFR"])
def test_what_cannot_be_is_told(connect, site: Site, command: str):
    assert connect().ask(command)[:2] == "50"
    assert len(site.asked) == 1


def test_commands_wait_for_the_thread_that_publishes(connect, site: Site):
    control = connect()
    site.gate.clear()
    control.send("SIZE a.txt", "PWD")
    assert control.ask("NOOP").startswith("200 ")  # the one thing that need not wait
    site.gate.set()
    assert control.reply() == "213 6"
    assert control.reply().startswith("257 ")


def test_a_stop_waits_for_what_is_being_published(connect, site: Site):
    control = connect()
    data = control.passive()
    site.gate.clear()
    control.ask("STOR b.txt")
    data.sendall(b"new\n")
    data.close()
    Lifetime.shutdown(0)
    site.gate.set()
    assert control.reply() == "226 Transfer complete."
    assert control.reply().startswith("421 ")
    assert site.documents["b.txt"] == b"new\n"


def test_an_application_that_fails_is_told(connect, site: Site, monkeypatch):
    control = connect()
    monkeypatch.setattr(site, "status", lambda name: 1 / 0)
    assert control.ask("SIZE a.txt") == "550 Error getting file size."
    assert control.ask("NOOP").startswith("200 ")


def test_an_answer_that_is_not_marshalled_is_told(connect, site: Site, monkeypatch):
    control = connect()
    monkeypatch.setattr(marshal, "dumps", lambda value: b"plain")
    assert control.ask("SIZE a.txt").startswith("451 ")


def test_a_request_can_be_made_by_hand():
    class Server:
        SERVER_IDENT, hostname, port = "s", "h", 21

    class Channel:
        server, remote_ip, userid, password = Server, "192.0.2.1", "ann", "x"

    request = FTPRequest("/a/b", "RNTO", Channel, None, new_id="c")
    assert request.environ["PATH_INFO"] == "/a/manage_renameObject"
    assert request.environ["REMOTE_ADDR"] == "192.0.2.1"
