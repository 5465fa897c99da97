"""A real process, real clients, real signals."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ftp.control import Control, read_all
from tests.programs import program

PROJECT = Path(__file__).parents[2]

GOODBYE = "421 The server is shutting down; this connection is closed."


class Process:
    """The server, and connections to it."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.ftp.ftp_program", str(folder)]
        self.process = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self._controls: list[Control] = []

    def log_in(self) -> Control:
        """A session of the user that may do everything."""
        control = Control(socket.create_connection(("127.0.0.1", self.port), 10.0))
        self._controls.append(control)
        assert control.reply().startswith("220 ")
        control.ask("USER ann")
        assert control.ask("PASS secret").startswith("230 ")
        assert control.ask("TYPE I").startswith("200 ")
        return control

    def terminate(self) -> None:
        """Send SIGTERM, and wait until the server has begun to stop."""
        idle = self.log_in()
        self.process.send_signal(signal.SIGTERM)
        assert idle.read_to_end() == f"{GOODBYE}\r\n".encode()

    def ended(self) -> tuple[int, str]:
        """Wait for the end; the exit status, and what the server has complained about."""
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors

    def kill(self) -> None:
        """Leave nothing behind."""
        for control in self._controls:
            control.close()
        self.process.kill()
        self.process.communicate(timeout=20)


@pytest.fixture
def server(folder: Path) -> Iterator[Process]:
    process = Process(folder)
    yield process
    process.kill()


def test_a_download_and_an_upload_outlive_sigterm(server: Process, folder: Path):
    down, up = server.log_in(), server.log_in()
    coming, going = down.passive(), up.passive()
    assert down.ask("RETR large.bin").startswith(("125 ", "150 "))
    assert up.ask("STOR up.bin").startswith(("125 ", "150 "))
    data = (folder / "large.bin").read_bytes()
    going.sendall(data[:1000])
    server.terminate()
    assert read_all(coming) == data
    going.sendall(data[1000:])
    going.close()
    for control in (down, up):
        assert control.reply() == "226 Transfer complete."
        assert control.reply() == GOODBYE
        assert control.read_to_end() == b""
    assert (folder / "up.bin").read_bytes() == data
    assert server.ended() == (0, "")


def test_an_active_download_outlives_sigterm(server: Process, folder: Path):
    control = server.log_in()
    listening = control.active()
    data, _ = listening.accept()
    control.adopt(data)
    assert control.reply().startswith("200 ")
    assert control.ask("RETR large.bin").startswith(("125 ", "150 "))
    server.terminate()
    assert read_all(data) == (folder / "large.bin").read_bytes()
    assert control.reply() == "226 Transfer complete."
    assert server.ended() == (0, "")


def test_an_idle_server_ends_within_a_second(server: Process):
    server.terminate()
    server.process.wait(timeout=1.0)
    assert server.ended() == (0, "")


def lftp(server: Process, *commands: str) -> None:
    """Run lftp as ann; it fails if one of the commands does."""
    script = "; ".join(
        [
            "set cmd:fail-exit true; set net:max-retries 1; set net:timeout 10",
            "set ftp:ssl-allow false",
            f"open -u ann,secret -p {server.port} ftp://127.0.0.1",
            *commands,
            "bye",
        ]
    )
    done = subprocess.run(
        [program("lftp"), "--norc", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("passive", ["true", "false"])
def test_lftp_mirrors_a_folder_there_and_back(
    server: Process, folder: Path, tmp_path: Path, passive: str
):
    (folder / "sub" / "inner.txt").write_bytes(b"inner\n")
    (folder / "sp ace ü.txt").write_bytes(b"space\n")
    away, back = tmp_path / "away", folder / "back"
    lftp(server, f"set ftp:passive-mode {passive}", f"mirror --parallel=3 / {away}")
    lftp(server, f"set ftp:passive-mode {passive}", f"mirror -R --parallel=3 {away} /back")
    names = ["a.txt", "large.bin", "sp ace ü.txt", "sub/inner.txt"]
    assert all((away / name).read_bytes() == (folder / name).read_bytes() for name in names)
    assert all((back / name).read_bytes() == (folder / name).read_bytes() for name in names)


def test_lftp_goes_on_with_a_file_that_it_has_in_part(
    server: Process, folder: Path, tmp_path: Path
):
    data = (folder / "large.bin").read_bytes()
    (tmp_path / "large.bin").write_bytes(data[: 1 << 20])
    lftp(server, f"get -c /large.bin -o {tmp_path}/large.bin")
    assert (tmp_path / "large.bin").read_bytes() == data


def test_lftp_renames_and_removes(server: Process, folder: Path):
    lftp(server, "mkdir new", "mv a.txt new/b.txt", "ls new", "rm new/b.txt", "rmdir new")
    assert sorted(each.name for each in folder.iterdir()) == ["large.bin", "sub"]
