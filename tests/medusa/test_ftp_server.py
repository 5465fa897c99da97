"""FTP servers as they were written for medusa: subclassed channels, authorizers, filesystems."""

from __future__ import annotations

import io
import os
import pwd
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.ftp import FTPLimits
from servers.ftp.unix_passwords import UnixPasswords
from servers.medusa import filesys, ftp_server, producers, status_handler
from servers.zserver import Lifetime
from tests.ftp.control import Control, read_all
from tests.medusa.conftest import get

QUICK = FTPLimits(login_delay=0.01, quiet_time=20.0)


class people:
    """An authorizer as people wrote them: one user may write, below a folder of its own."""

    def __init__(self, root: Path, filesystem: Any = filesys.os_filesystem) -> None:
        self.root = str(root)
        self.filesystem = filesystem

    def authorize(self, channel: Any, username: str, password: str) -> tuple[Any, str, Any]:
        if (username, password) == ("ann", "secret"):
            channel.read_only = 0
            return 1, "Welcome.", self.filesystem(self.root)
        return 0, "No.", None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"hello\n")
    (folder / "large.bin").write_bytes(bytes(range(256)) * 65536)
    return folder


@pytest.fixture
def connect(root: Path, run: Any, lines: Any) -> Iterator[Callable[..., Control]]:
    """connect(channel_class, **settings): a server of that class, and a session that is open."""
    controls: list[Control] = []

    def start(channel_class: Any = ftp_server.ftp_channel, **settings: Any) -> Control:
        settings.setdefault("authorizer", people(root))
        settings.setdefault("limits", QUICK)

        class server_class(ftp_server.ftp_server):
            ftp_channel_class = channel_class

        server = server_class(ip="127.0.0.1", port=0, logger_object=lines, **settings)
        running = run(server)
        control = Control(socket.create_connection(server.getsockname(), 10.0))
        control.server = running
        controls.append(control)
        assert control.reply().startswith("220 ")
        assert control.ask("USER ann") == "331 Password required."
        assert control.ask("PASS secret") == "230 Welcome."
        return control

    yield start
    for control in controls:
        control.close()


# -- commands ----------------------------------------------------------------------------------


def test_a_command_that_a_subclass_adds_is_called_with_words(connect):
    class channel(ftp_server.ftp_channel):
        def cmd_xecho(self, line):
            self.respond(f"200 {line!r}")

    control = connect(channel)
    assert control.ask("XECHO") == "200 ['XECHO']"
    assert control.ask("xecho a  b c") == "200 ['xecho', 'a  b c']"


def test_a_command_that_a_subclass_overrides_is_what_is_called(connect):
    class channel(ftp_server.ftp_channel):
        def cmd_noop(self, line):
            ftp_server.ftp_channel.cmd_noop(self, line)
            self.log("a client is bored")

    control = connect(channel)
    assert control.ask("NOOP") == "200 NOOP command successful."


def test_a_command_patched_into_the_class_is_what_is_called(connect, monkeypatch):
    monkeypatch.setattr(
        ftp_server.ftp_channel, "cmd_syst", lambda self, line: self.respond("215 TOPS-20")
    )
    assert connect().ask("SYST") == "215 TOPS-20"


def test_a_subclass_sends_by_its_own_means(connect):
    class channel(ftp_server.ftp_channel):
        def cmd_retr(self, line):
            self.respond("150 Here it comes")
            self.make_xmit_channel()
            self.client_dc.push("text, ")
            self.client_dc.push(b"bytes, ")
            self.client_dc.push_with_producer(producers.simple_producer(b"and a producer"))
            self.client_dc.close_when_done()

    control = connect(channel)
    data = control.passive()
    assert control.ask("RETR anything") == "150 Here it comes"
    assert read_all(data) == b"text, bytes, and a producer"
    assert control.reply() == "226 Transfer complete."


def test_a_subclass_receives_into_a_file_of_its_own(connect):
    received: list[bytes] = []

    class sink(io.BytesIO):
        def close(self) -> None:
            received.append(self.getvalue())
            super().close()

    class channel(ftp_server.ftp_channel):
        def cmd_stor(self, line, mode="wb"):
            self.respond("150 Go on")
            self.make_recv_channel(sink())

    control = connect(channel)
    data = control.passive()
    assert control.ask("STOR anything") == "150 Go on"
    data.sendall(b"uploaded")
    data.close()
    assert control.reply() == "226 Transfer complete."
    assert received == [b"uploaded"]


def test_a_subclass_chooses_where_it_listens(connect):
    chosen: list[Any] = []

    class channel(ftp_server.ftp_channel):
        def new_passive_acceptor(self):
            chosen.append(ftp_server.passive_acceptor(self))
            return chosen[-1]

    control = connect(channel)
    assert control.passive_address() == chosen[0].addr


def test_what_may_write_is_the_subclass_affair(connect, root: Path):
    class channel(ftp_server.ftp_channel):
        def check_command_authorization(self, command):
            return command != "dele"

    control = connect(channel)
    assert (
        control.ask("DELE a.txt") == "530 You are not authorized to perform the 'dele' command"
    )


def test_a_command_that_fails_is_told_and_counted(connect):
    class channel(ftp_server.ftp_channel):
        def cmd_xfail(self, line):
            raise ArithmeticError("two and two")

    control = connect(channel)
    assert control.ask("XFAIL") == "451 Server Error: the log of the server says why."
    assert control.ask("NOOP").startswith("200 ")
    assert control.server.server.total_exceptions.as_long() == 1


def test_help_names_what_a_subclass_adds(connect):
    class channel(ftp_server.ftp_channel):
        def cmd_site(self, line):
            """Do something of this site."""

    assert "\tsite\tdo something of this site" in connect(channel).ask("HELP").split("\r\n")


# -- data connections --------------------------------------------------------------------------


def test_files_go_over_an_active_connection_both_ways(connect, root: Path):
    control = connect()
    listening = control.active()
    assert control.reply() == "200 PORT command successful."
    assert control.ask("RETR a.txt").startswith("150 ")
    data = control.adopt(listening.accept()[0])
    assert read_all(data) == b"hello\n"
    assert control.reply() == "226 Transfer complete."
    listening = control.active()
    assert control.reply() == "200 PORT command successful."
    assert control.ask("STOR b.txt").startswith("150 ")
    data = control.adopt(listening.accept()[0])
    data.sendall(b"one\r\ntwo")
    data.close()
    assert control.reply() == "226 Transfer complete."
    assert (root / "b.txt").read_bytes() == b"one\r\ntwo"


def test_port_to_somebody_else_is_refused(connect):
    assert connect().ask("PORT 192,0,2,1,100,1").startswith("501 ")


def test_a_transfer_to_nowhere_is_told(connect):
    control = connect()
    assert control.ask("RETR a.txt").startswith("150 ")
    assert control.reply() == "425 Use PASV or PORT first."


def test_abor_breaks_off(connect):
    control = connect()
    data = control.passive()
    assert control.ask("RETR large.bin").startswith("150 ")
    data.recv(1000)
    control.send("ABOR")
    assert control.reply() == "426 Aborted; transfer aborted."
    assert control.reply() == "226 ABOR command successful."


# -- authorizers and filesystems ---------------------------------------------------------------


def test_a_filesystem_with_a_back_end_of_its_own_is_what_is_served(connect, root: Path):
    class poem(filesys.os_filesystem):
        def isfile(self, path):
            return path == "poem"

        def open(self, path, mode):
            return io.BytesIO(b"roses are red")

        def listdir(self, path, long=0):
            return filesys.list_producer(["poem"])

    control = connect(authorizer=people(root, poem))
    data = control.passive()
    assert control.ask("LIST").startswith("150 ")
    assert read_all(data) == b"poem\r\n"
    assert control.reply() == "226 Transfer complete."
    data = control.passive()
    assert control.ask("RETR poem").startswith("150 ")
    assert read_all(data) == b"roses are red"


def test_a_filesystem_with_chmod_serves_a_site_command(connect, root: Path):
    class with_chmod(filesys.os_filesystem):
        def chmod(self, path, mode):
            os.chmod(self.translate(path), mode)

    class channel(ftp_server.ftp_channel):
        def cmd_site(self, line):
            _, mode, path = line[1].split(" ", 2)
            self.filesystem.chmod(path, int(mode, 8))
            self.respond("200 Done")

    control = connect(channel, authorizer=people(root, with_chmod))
    assert control.ask("SITE CHMOD 600 a.txt") == "200 Done"
    assert stat.S_IMODE((root / "a.txt").stat().st_mode) == 0o600


def test_the_authorizers_word_is_what_a_wrong_password_hears(connect):
    control = connect()
    control.ask("USER bob")
    assert control.ask("PASS x") == "530 No."
    assert control.ask("PWD") == "530 Please log in with USER and PASS"


@pytest.mark.skipif(os.getuid() != 0, reason="only root reads the hashes of others")
def test_a_user_of_the_system_is_known_by_its_password(tmp_path: Path):
    user = pwd.getpwuid(0).pw_name
    shadow = tmp_path / "shadow"
    hashed = "$6$saltsalt$" + (
        "qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
    )
    shadow.write_text(f"daemon:*:1:\n{user}:{hashed}:1:\n")
    passwords = UnixPasswords(shadow)
    assert passwords.check(user, "password")
    assert not passwords.check(user, "Password")
    assert not passwords.check("daemon", "*")
    assert not passwords.check("nobody-we-know", "password")
    assert not passwords.check(user, "pass\0word")


# -- the server --------------------------------------------------------------------------------


def test_counters_and_status_tell_what_was_moved(connect):
    control = connect()
    data = control.passive()
    assert control.ask("RETR a.txt").startswith("150 ")
    read_all(data)
    control.reply()
    control.send("QUIT").read_to_end()
    control.server.stop()
    server = control.server.server
    assert server.total_sessions.as_long() == 1
    assert server.closed_sessions.as_long() == 1
    assert server.total_files_out.as_long() == 1
    assert server.total_bytes_out.as_long() == 6
    assert b"<b>Sent:</b> 6" in server.status().more()


def test_it_stands_on_the_status_page(serve, root: Path, lines):
    ftp = ftp_server.ftp_server(
        ftp_server.anon_authorizer(str(root)), ip="127.0.0.1", port=0, logger_object=lines
    )
    peer = serve(status_handler.status_extension([ftp])).connect()
    assert peer.send(get("/status")).read_head()[0] == "HTTP/1.1 200 OK"
    assert b"FTP Server (V1.10)" in peer.read_chunked()


def test_the_log_has_the_commands_and_never_a_password(connect, lines):
    control = connect()
    control.send("QUIT").read_to_end()
    said = "\n".join(lines.lines)
    assert "<== USER ann" in said
    assert "<== PASS ********" in said
    assert "==> 221 Goodbye." in said
    assert "secret" not in said


# -- stopping ----------------------------------------------------------------------------------


def test_a_transfer_in_flight_outlives_the_listener_and_then_the_session_ends(
    connect, root: Path
):
    control = connect()
    data = control.passive()
    assert control.ask("RETR large.bin").startswith("150 ")
    Lifetime.shutdown(0)
    assert read_all(data) == (root / "large.bin").read_bytes()
    assert control.reply() == "226 Transfer complete."
    assert control.reply().startswith("421 ")
    assert control.read_to_end() == b""


def test_a_transfer_that_port_has_prepared_is_still_served(connect):
    control = connect()
    listening = control.active()
    control.reply()
    Lifetime.shutdown(0)
    assert control.ask("RETR a.txt").startswith("150 ")
    data = control.adopt(listening.accept()[0])
    assert read_all(data) == b"hello\n"
    assert control.reply() == "226 Transfer complete."
    assert control.reply().startswith("421 ")


def test_an_idle_session_is_told_421(connect):
    control = connect()
    Lifetime.shutdown(0)
    assert control.reply().startswith("421 ")
