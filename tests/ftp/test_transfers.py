"""Files and listings, both ways and over both kinds of data connection."""

from __future__ import annotations

import ftplib
import io
import os
import socket
from pathlib import Path

import pytest

from servers.ftp import FTPLimits
from tests.ftp.conftest import Served
from tests.ftp.control import address_in, read_all


@pytest.fixture
def client(served: Served):
    """The standard library's client, logged in."""
    with ftplib.FTP(timeout=10) as ftp:
        ftp.connect(*served.listener.addr)
        ftp.login("ann", "secret")
        yield ftp


@pytest.mark.parametrize("passive", [True, False])
def test_a_file_comes_whole(client: ftplib.FTP, folder: Path, passive: bool):
    client.set_pasv(passive)
    got = io.BytesIO()
    client.retrbinary("RETR large.bin", got.write)
    assert got.getvalue() == (folder / "large.bin").read_bytes()


@pytest.mark.parametrize("passive", [True, False])
def test_a_file_arrives_whole(client: ftplib.FTP, folder: Path, passive: bool):
    client.set_pasv(passive)
    data = (folder / "large.bin").read_bytes()
    client.storbinary("STOR copy.bin", io.BytesIO(data))
    assert (folder / "copy.bin").read_bytes() == data


def test_a_download_goes_on_where_it_is_told(client: ftplib.FTP):
    got = io.BytesIO()
    client.retrbinary("RETR a.txt", got.write, rest=2)
    assert got.getvalue() == b"llo\n"


def test_an_upload_goes_on_where_it_is_told(client: ftplib.FTP, folder: Path):
    client.storbinary("STOR a.txt", io.BytesIO(b"LLO"), rest=2)
    assert (folder / "a.txt").read_bytes() == b"heLLO\n"


def test_text_has_the_line_ends_of_the_net(client: ftplib.FTP, folder: Path):
    lines: list[str] = []
    client.retrlines("RETR a.txt", lines.append)
    assert lines == ["hello"]
    client.storlines("STOR b.txt", io.BytesIO(b"one\r\ntwo\r\n"))
    assert (folder / "b.txt").read_bytes() == b"one\ntwo\n"


def test_a_carriage_return_at_the_end_of_a_text_is_kept(served: Served, folder: Path):
    control = served.log_in()
    assert control.ask("TYPE A").startswith("200 ")
    data = control.passive()
    assert control.ask("STOR c.txt").startswith(("125 ", "150 "))
    data.sendall(b"one\r\ntwo\r")
    data.close()
    assert control.reply() == "226 Transfer complete."
    assert (folder / "c.txt").read_bytes() == b"one\ntwo\r"


def test_listings_show_what_is_there(client: ftplib.FTP):
    assert client.nlst() == ["a.txt", "large.bin", "sub"]
    lines: list[str] = []
    client.dir(lines.append)
    assert [line.split()[-1] for line in lines] == ["a.txt", "large.bin", "sub"]
    assert {name: facts["type"] for name, facts in client.mlsd()} == {
        "a.txt": "file",
        "large.bin": "file",
        "sub": "dir",
    }


def test_files_and_folders_are_made_renamed_and_removed(client: ftplib.FTP, folder: Path):
    client.mkd("new")
    client.rename("a.txt", "new/b.txt")
    assert (folder / "new" / "b.txt").read_bytes() == b"hello\n"
    client.delete("new/b.txt")
    client.rmd("new")
    assert sorted(each.name for each in folder.iterdir()) == ["large.bin", "sub"]


def test_a_name_that_is_no_utf_8_comes_back_as_it_went(served: Served, folder: Path):
    control = served.log_in()
    assert control.send_raw(b"MKD caf\xe9\r\n").reply().startswith("257 ")
    assert b"caf\xe9" in os.listdir(bytes(folder))


def test_data_that_come_before_their_command_are_kept(served: Served, folder: Path):
    control = served.log_in()
    data = control.passive()
    data.sendall(b"early")
    served.in_loop(lambda: None)  # the data have been seen, were they looked at
    assert control.ask("STOR early.txt").startswith(("125 ", "150 "))
    data.close()
    assert control.reply() == "226 Transfer complete."
    assert (folder / "early.txt").read_bytes() == b"early"


def test_an_empty_upload_may_end_before_its_command(served: Served, folder: Path):
    control = served.log_in()
    control.passive().close()
    assert control.ask("STOR empty.txt").startswith(("125 ", "150 "))
    assert control.reply() == "226 Transfer complete."
    assert (folder / "empty.txt").read_bytes() == b""


def test_a_command_waits_for_the_transfer_before_it(served: Served, folder: Path):
    control = served.log_in()
    data = control.passive()
    control.send("STOR up.txt", "SIZE up.txt", "PASV", "NLST sub")
    assert control.reply().startswith(("125 ", "150 "))
    data.sendall(b"12345")
    data.close()
    assert control.reply() == "226 Transfer complete."
    assert control.reply() == "213 5"
    second = control.adopt(socket.create_connection(address_in(control.reply()), 10.0))
    assert control.reply().startswith(("125 ", "150 "))
    assert read_all(second) == b""
    assert control.reply() == "226 Transfer complete."


def test_a_reset_upload_is_not_called_complete(served: Served):
    control = served.log_in()
    data = control.passive()
    assert control.ask("STOR torn.bin").startswith(("125 ", "150 "))
    data.sendall(b"half")
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    data.close()
    assert control.reply() == "426 Connection reset by peer; transfer aborted."


def test_a_full_disk_is_told_and_the_session_goes_on(served: Served, folder: Path):
    (folder / "full").symlink_to("/dev/full")
    served.listener.authorizer.user_table["ann"]["home"] = "/"
    control = served.log_in()
    data = control.passive()
    assert control.ask(f"STOR {folder}/full").startswith(("125 ", "150 "))
    data.sendall(b"something")
    data.close()
    assert control.reply() == "426 No space left on device; transfer aborted."
    assert control.ask("NOOP").startswith("200 ")


def test_abor_breaks_off_a_download(served: Served):
    control = served.log_in()
    data = control.passive()
    assert control.ask("RETR large.bin").startswith(("125 ", "150 "))
    data.recv(1000)
    control.send("ABOR")
    assert control.reply() == "426 Transfer aborted via ABOR."
    assert control.reply() == "226 ABOR command successful."
    with pytest.raises(ConnectionResetError):  # an orderly end would mean a whole file
        read_all(data)


def test_abor_forgets_a_transfer_that_waits_for_its_connection(served: Served):
    control = served.log_in()
    control.passive_address()
    assert control.ask("RETR large.bin").startswith("150 ")
    assert control.ask("ABOR").startswith("225 ")
    data = control.passive()
    assert control.ask("RETR a.txt").startswith(("125 ", "150 "))
    assert read_all(data) == b"hello\n"
    assert control.reply() == "226 Transfer complete."


def test_a_second_pasv_replaces_the_first(served: Served):
    control = served.log_in()
    first = control.passive_address()
    second = control.passive_address()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(first, 10.0)
    socket.create_connection(second, 10.0).close()


def test_ports_for_data_come_from_the_range(serve):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    control = serve(passive_ports=[port]).log_in()
    assert control.passive_address() == ("127.0.0.1", port)


def test_a_range_without_a_free_port_is_told(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        control = serve(passive_ports=[taken.getsockname()[1]]).log_in()
        told = "425 No data connection can be offered: every port for data is in use."
        assert control.ask("PASV") == told


def test_a_masquerade_address_is_told_instead_of_ours(serve):
    control = serve(masquerade_address="192.0.2.7").log_in()
    assert control.passive_address()[0] == "192.0.2.7"


def test_a_data_connection_that_never_comes_ends_the_waiting(serve):
    limits = FTPLimits(data_time=0.2)
    control = serve(limits=limits).log_in()
    control.passive_address()
    assert control.ask("RETR a.txt").startswith("150 ")
    assert control.reply() == "425 No data connection was made in time."
    assert control.ask("NOOP").startswith("200 ")


def test_a_port_that_has_waited_for_too_long_is_no_port_any_more(served: Served):
    control = served.log_in()
    control.passive_address()
    (channel,) = served.listener.channels
    served.in_loop(channel._dtp_acceptor.handle_timeout)
    assert control.ask("RETR a.txt") == "425 Use PASV or PORT first."


def test_a_stalled_transfer_is_ended(serve):
    limits = FTPLimits(stall_time=0.2)
    control = serve(limits=limits).log_in()
    control.passive()
    assert control.ask("RETR large.bin").startswith(("125 ", "150 "))
    assert control.reply() == "421 Data connection timed out."
    assert control.read_to_end() == b""
