"""What a listener does to others in the system: forked copies, and a folder it may not write to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.processes.server import PROJECT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork and Unix sockets are wanted")

DOOR = """
import os, signal, socket, sys
import lifetime
from servers.listener import Listener

class Door(Listener):
    def make_channel(self, sock, addr):
        sock.close()
"""

ONE_WORKER_IS_STOPPED = """
door = Door(("127.0.0.1", 0))
workers = []
for _ in range(2):
    ready, tell = os.pipe()
    worker = os.fork()
    if not worker:
        lifetime.call_later(0, os.write, tell, b"x")
        os._exit(lifetime.run())
    os.read(ready, 1)
    workers.append(worker)
os.kill(workers[0], signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(workers[0], 0)[1]))
try:
    with socket.create_connection(door.addr, 3) as client:
        client.settimeout(3)
        print(client.recv(1))
finally:
    os.kill(workers[1], signal.SIGTERM)
"""

A_CHILD_CLOSES_ITS_COPY = """
door = Door(sys.argv[1])
child = os.fork()
if not child:
    door.close()
    os._exit(0)
os.waitpid(child, 0)
print(os.path.exists(sys.argv[1]))
"""

A_CHILD_OF_THE_RUNNING_LOOP_CLOSES_ITS_COPIES = """
door = Door(("127.0.0.1", 0))
client = socket.socket()

def fork():
    child = os.fork()
    if not child:
        for member in list(lifetime.default().map.values()):
            member.close()
        os._exit(0)
    os.waitpid(child, 0)
    client.connect(door.addr)
    door.make_channel = lambda sock, addr: (print("accepted"), lifetime.shutdown())

lifetime.call_later(0, fork)
lifetime.call_later(5, os._exit, 1)
lifetime.run()
"""

THE_FILE_CANNOT_BE_REMOVED = """
path = os.path.join(sys.argv[1], "socket")
door = Door(path)
os.chmod(sys.argv[1], 0o555)
if os.getuid() == 0:
    os.setuid(65534)  # as a server does that has bound its port; nobody's number nearly everywhere
lifetime.shutdown()
print(lifetime.run(), door.socket.fileno())
"""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DOOR + program, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_a_worker_that_stops_does_not_make_the_others_deaf() -> None:
    assert run(ONE_WORKER_IS_STOPPED).stdout == "0\nb''\n"


def test_a_child_that_closes_its_copy_leaves_the_file_to_its_parent(tmp_path: Path) -> None:
    assert run(A_CHILD_CLOSES_ITS_COPY, str(tmp_path / "socket")).stdout == "True\n"


def test_a_child_that_closes_its_copies_leaves_the_loop_of_its_parent_alone() -> None:
    assert run(A_CHILD_OF_THE_RUNNING_LOOP_CLOSES_ITS_COPIES).stdout == "accepted\n"


def test_a_file_that_cannot_be_removed_costs_one_line_and_the_listener_closes() -> None:
    # Not below tmp_path: whoever has dropped its privileges could not even look for it there.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        ended = run(THE_FILE_CANNOT_BE_REMOVED, folder)
        Path(folder).chmod(0o755)
    assert ended.stdout == "0 -1\n"
    assert ended.stderr.splitlines() == [
        f"Door {folder}/socket cannot remove its file: Permission denied"
    ]
