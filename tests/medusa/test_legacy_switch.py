"""The switch: old import names, unchanged, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def start(*arguments: str, folder: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """A Python with this project on its path; it is gone behind the block, whatever happens."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run(*arguments: str, folder: Path = ROOT) -> tuple[int, str, str]:
    """Its exit status, output and errors."""
    with start(*arguments, folder=folder) as process:
        output, errors = process.communicate(timeout=30)
    return process.returncode, output, errors


def installed(text: str, folder: Path = ROOT, how: str = "") -> str:
    """What a program prints behind install()."""
    program = f"import servers.legacy\ndone = servers.legacy.install({how})\n"
    status, output, errors = run("-c", program + textwrap.dedent(text), folder=folder)
    assert status == 0, errors
    return output


def test_everything_is_importable_under_its_old_name():
    output = installed(
        """
        import asyncore, asynchat
        from medusa import http_server, default_handler, filesys, logger, status_handler
        from medusa import asyncore_25, counter, producers, xmlrpc_handler, http_date
        from medusa.thread import select_trigger
        from medusa.test import max_sockets
        import medusa.http_server
        import ZServer, Lifetime, Signals
        from ZServer import CONNECTION_LIMIT, requestCloseOnExec, zhttp_handler, zhttp_server
        from ZServer.HTTPServer import zhttp_channel
        from ZServer.PubCore import handle, setNumberOfThreads
        from ZServer.PubCore.ZEvent import Wakeup
        from ZServer.PubCore.ZRendezvous import ZRendevous
        from ZServer.medusa.http_server import http_request
        from ZServer.ClockServer import ClockServer
        from Signals import Signals as inner, SignalHandler
        from supervisor.medusa import http_server as supervisors
        print(medusa.http_server is http_server is supervisors, inner is Signals)
        """
    )
    assert output == "True True\n"


def test_there_is_one_asyncore_and_one_map():
    output = installed(
        """
        import asyncore, lifetime
        from medusa import asyncore_25
        from medusa.http_server import http_server
        server = http_server("127.0.0.1", 0)
        print(asyncore.socket_map is lifetime.default().map is asyncore_25.socket_map)
        print(server in asyncore.socket_map.values(), isinstance(server, asyncore.dispatcher))
        print(asyncore.loop is asyncore_25.loop)
        """
    )
    assert output == "True\nTrue True\nTrue\n"


def test_medusa_brings_asyncore_and_asynchat_under_all_its_names():
    output = installed(
        """
        import asyncore as official
        from medusa import asyncore, asynchat
        from ZServer.medusa import asyncore as zopes
        from ZServer import asyncore as of_the_start_script
        import medusa.asyncore, ZServer.medusa.asynchat, ZServer.asyncore
        print(asyncore is zopes is of_the_start_script is medusa.asyncore is ZServer.asyncore)
        print(ZServer.medusa.asynchat is asynchat)
        print(asyncore.loop is official.loop, asyncore.socket_map is official.socket_map)
        """
    )
    assert output == "True\nTrue\nTrue True\n"


def test_a_second_call_does_nothing():
    assert installed("print(servers.legacy.install())") == "[]\n"


def test_it_says_what_it_did():
    output = installed("print('\\n'.join(done))")
    assert "medusa is servers.medusa\n" in output
    assert "Lifetime is servers.zserver.Lifetime\n" in output
    assert "asyncore.loop and asyncore.poll are those of lifetime\n" in output


def test_an_installed_package_is_left_alone_and_that_is_said(tmp_path):
    (tmp_path / "medusa").mkdir()
    (tmp_path / "medusa" / "__init__.py").write_text("mine = 1\n")
    output = installed("import medusa; print(medusa.mine, *done, sep='\\n')", tmp_path)
    assert output.startswith("1\n")
    assert "medusa is installed, and left as it is; replace=['medusa'] takes it over" in output


def test_an_installed_package_is_taken_over_when_it_is_named(tmp_path):
    (tmp_path / "medusa").mkdir()
    (tmp_path / "medusa" / "__init__.py").write_text("mine = 1\n")
    text = "import medusa; print(medusa.__name__)"
    assert installed(text, tmp_path, "replace=['medusa']") == "servers.medusa\n"


def test_a_module_that_is_left_out_says_why():
    output = installed(
        """
        for name in "ZServer.PCGIServer", "supervisor.medusa.text_socket":
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                print(error)
        """
    )
    assert output == (
        "ZServer.PCGIServer is left out: PCGI is left out; serve HTTP, or FastCGI with "
        "servers.zserver.FCGIServer\n"
        "supervisor.medusa.text_socket is left out: sockets carry bytes; encode what you send, "
        "decode what you get\n"
    )


def test_a_name_of_a_package_that_is_left_out_says_why():
    output = installed(
        """
        try:
            from ZServer import PCGIServer
        except ImportError as error:
            print(error)
        """
    )
    assert output.startswith("ZServer.PCGIServer is left out: PCGI is left out; serve HTTP, or ")


def test_asynchat_warns_nobody_of_its_end(tmp_path):
    (tmp_path / "old.py").write_text("import asyncore, asynchat")
    script = str(tmp_path / "old.py")
    assert run("-W", "error", "-m", "servers.legacy", "--quiet", script) == (0, "", "")


def test_a_module_is_one_object_under_all_its_names_and_keeps_its_own():
    output = installed(
        """
        import importlib, sys
        from ZServer.medusa import producers
        from medusa.thread import select_trigger
        import medusa.producers, servers.medusa.producers as ours
        print(producers is medusa.producers is ours, producers.__spec__.name)
        print(importlib.reload(medusa.producers) is ours)
        """
    )
    assert output == "True servers.medusa.producers\nTrue\n"


def test_a_module_is_imported_when_it_is_asked_for():
    output = installed(
        """
        import sys
        print("servers.medusa.ftp_server" in sys.modules)
        """
    )
    assert output == "False\n"


FLAT = "flat=True"


def test_the_bare_names_of_medusa_s_folder():
    output = installed(
        """
        import http_server, default_handler, logger, producers, select_trigger
        from http_server import http_request
        from thread_handler import request_queue
        import servers.medusa.http_server
        print(http_server is servers.medusa.http_server, logger.__name__)
        print(done[-1])
        print(servers.legacy.install(flat=True))
        """,
        how=FLAT,
    )
    assert output == (
        "True servers.medusa.logger\n"
        "the modules of medusa are importable by their bare names, such as http_server\n"
        "[]\n"
    )


def test_bare_names_are_not_there_unless_they_are_asked_for():
    output = installed(
        """
        try:
            import http_server
        except ModuleNotFoundError as error:
            print(error)
        """
    )
    assert output == "No module named 'http_server'\n"


def test_a_bare_name_shadows_no_module(tmp_path):
    (tmp_path / "logger.py").write_text("mine = 1\n")
    text = "import logger, counter; print(logger.mine, counter.__name__, *done, sep='\\n')"
    output = installed(text, tmp_path, FLAT)
    assert output.startswith("1\nservers.medusa.counter\n")
    assert "logger is installed, and left as it is; replace=['logger'] takes it over" in output


def test_a_bare_name_shadows_no_module_that_is_found_later(tmp_path):
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "counter.py").write_text("mine = 1\n")
    text = "import sys; sys.path.insert(0, 'later'); import counter; print(counter.mine)"
    assert installed(text, tmp_path, FLAT) == "1\n"


def test_a_bare_name_takes_over_a_module_when_it_is_told_to(tmp_path):
    (tmp_path / "logger.py").write_text("mine = 1\n")
    text = "import logger; print(logger.__name__)"
    how = "flat=True, replace=['logger']"
    assert installed(text, tmp_path, how) == "servers.medusa.logger\n"


def test_a_script_of_1999_runs_with_bare_names(tmp_path):
    (tmp_path / "counter.py").write_text("mine = 'beside the script'\n")
    (tmp_path / "old.py").write_text(
        "import http_server, counter, sys\n"
        "print(http_server.http_server.SERVER_IDENT, counter.mine, sys.argv[1:])\n"
    )
    status, output, errors = run("-m", "servers.legacy", "--flat", str(tmp_path / "old.py"), "x")
    assert (status, output) == (0, "HTTP Server (V1.11) beside the script ['x']\n")
    assert "servers.legacy: counter is installed, and left as it is" in errors


def test_a_package_beside_the_script_is_left_alone(tmp_path):
    (tmp_path / "medusa").mkdir()
    (tmp_path / "medusa" / "__init__.py").write_text("mine = 1\n")
    (tmp_path / "old.py").write_text("import medusa; print(medusa.__name__)\n")
    script = str(tmp_path / "old.py")
    assert run("-m", "servers.legacy", "--quiet", script)[1] == "medusa\n"
    arguments = ("-m", "servers.legacy", "--quiet", "--replace", "medusa", script)
    assert run(*arguments)[1] == "servers.medusa\n"


def test_parts_of_a_package_that_was_imported_already_are_taken_over_as_well(tmp_path):
    (tmp_path / "medusa").mkdir()
    (tmp_path / "medusa" / "__init__.py").write_text("")
    (tmp_path / "medusa" / "counter.py").write_text("mine = 1\n")
    program = (
        "import medusa.counter\nimport servers.legacy\n"
        "servers.legacy.install(replace=['medusa'])\n"
        "import medusa.counter\nprint(medusa.counter.__name__)\n"
    )
    status, output, errors = run("-c", program, folder=tmp_path)
    assert (status, output) == (0, "servers.medusa.counter\n"), errors


SCRIPT = """
import sys
import asyncore
from medusa import http_server, default_handler, filesys, logger

lg = logger.file_logger(sys.stdout)
fs = filesys.os_filesystem(sys.argv[1])
hs = http_server.http_server("127.0.0.1", 0, None, lg)
hs.install_handler(default_handler.default_handler(fs))
print(hs.server_port)
sys.stdout.flush()
asyncore.loop()
print("cleaned up")
"""


def served_and_stopped(
    folder: Path, script: str, number: int, within: float = 30.0
) -> tuple[int, str, str]:
    """Exit status, output and errors of a script that gets a signal when it has answered.

    within: seconds that it may take to end.
    """
    (folder / "old.py").write_text(script)
    (folder / "file.txt").write_text("content")
    with start("-m", "servers.legacy", str(folder / "old.py"), str(folder)) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with urlopen(f"http://127.0.0.1:{port}/file.txt", timeout=10) as answer:
            assert answer.read() == b"content"
        process.send_signal(number)
        output, errors = process.communicate(timeout=within)
    return process.returncode, output, errors


def test_a_script_of_old_runs_and_stops_in_an_orderly_way(tmp_path):
    status, output, errors = served_and_stopped(tmp_path, SCRIPT, signal.SIGTERM)
    assert status == 0
    assert output.endswith("cleaned up\n")
    assert "servers.legacy: medusa is servers.medusa\n" in errors


def test_behind_control_c_and_its_orderly_stop_comes_the_keyboard_interrupt_of_old(tmp_path):
    loop = """
while 1:
    try:
        asyncore.loop()
    except KeyboardInterrupt:
        print("interrupted, with %d in the map" % len(asyncore.socket_map))
        break
"""
    script = SCRIPT.replace("asyncore.loop()\n", loop)
    status, output, _ = served_and_stopped(tmp_path, script, signal.SIGINT)
    assert status == 0
    assert output.endswith("interrupted, with 0 in the map\ncleaned up\n")


def test_a_script_that_has_no_use_for_control_c_ends_without_a_traceback(tmp_path):
    status, output, errors = served_and_stopped(tmp_path, SCRIPT, signal.SIGINT)
    assert status == 128 + signal.SIGINT
    assert "cleaned up" not in output
    assert "Traceback" not in errors


def in_a_loop(script: str, around: str) -> str:
    """The script with something around its `asyncore.loop()`."""
    return script.replace("asyncore.loop()\n", around)


def test_a_loop_around_the_loop_ends_with_a_stop_by_signal(tmp_path):
    script = in_a_loop(SCRIPT, "while 1:\n    asyncore.loop()\n    print('once more')\n")
    status, output, errors = served_and_stopped(tmp_path, script, signal.SIGTERM)
    assert status == 0, errors
    assert output.count("once more") == 1
    assert "Traceback" not in errors


def test_so_does_one_that_would_listen_anew(tmp_path):
    script = in_a_loop(
        SCRIPT,
        "while 1:\n    asyncore.loop()\n    http_server.http_server('127.0.0.1', 0, None, lg)\n",
    )
    assert served_and_stopped(tmp_path, script, signal.SIGTERM)[0] == 0


def test_so_does_one_that_takes_control_c_for_nothing(tmp_path):
    script = in_a_loop(
        SCRIPT,
        "while 1:\n"
        "    try: asyncore.loop()\n"
        "    except KeyboardInterrupt: pass\n",
    )
    assert served_and_stopped(tmp_path, script, signal.SIGINT)[0] == 128 + signal.SIGINT


def test_one_that_lets_nothing_out_is_killed(tmp_path):
    script = in_a_loop(SCRIPT, "while 1:\n    try: asyncore.loop()\n    except: pass\n")
    assert served_and_stopped(tmp_path, script, signal.SIGTERM)[0] == -signal.SIGTERM


def test_behind_a_stop_a_script_may_finish_something_by_the_loop(tmp_path):
    finish = """
import socket
asyncore.loop()
class farewell(asyncore.dispatcher):
    def writable(self):
        return 1
    def handle_write(self):
        print("told the others")
        self.close()
near, far = socket.socketpair()
farewell(near)
asyncore.loop()
"""
    script = in_a_loop(SCRIPT, finish)
    status, output, errors = served_and_stopped(tmp_path, script, signal.SIGTERM)
    assert (status, output.endswith("told the others\ncleaned up\n")) == (0, True), errors


def test_a_script_that_a_shell_has_put_into_the_background_stops_in_an_orderly_way(tmp_path):
    # Such a shell has it ignore control-C, and so it goes on doing.
    script = in_a_loop(
        SCRIPT,
        "import lifetime, os, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "lifetime.call_later(0.0, os.kill, os.getpid(), signal.SIGINT)\n"
        "asyncore.loop()\n",
    )
    status, output, errors = served_and_stopped(tmp_path, script, signal.SIGTERM)
    assert status == 0, errors
    assert output.endswith("cleaned up\n")


def test_handlers_of_a_script_s_own_are_left_alone_also_for_other_signals(tmp_path):
    script = in_a_loop(
        SCRIPT,
        "import os, signal\n"
        "def rotate(number, frame):\n"
        "    print('rotated')\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "signal.signal(signal.SIGHUP, rotate)\n"
        "asyncore.loop()\n",
    )
    status, output, errors = served_and_stopped(tmp_path, script, signal.SIGHUP)
    assert status == 0, errors
    assert "rotated\n" in output
    assert output.endswith("cleaned up\n")


def test_a_script_that_is_not_there_is_one_sentence():
    status, _, errors = run("-m", "servers.legacy", "nothing.py")
    assert status == 2
    assert errors.endswith("there is no file nothing.py\n")


def test_quiet_says_nothing(tmp_path):
    (tmp_path / "old.py").write_text("import sys; print(sys.argv[1:])")
    script = str(tmp_path / "old.py")
    assert run("-m", "servers.legacy", "--quiet", script, "a", "--b") == (0, "['a', '--b']\n", "")


OF_ITS_OWN = """
import signal
running = 1
def stop(number, frame):
    global running
    running = 0
    asyncore.close_all()
signal.signal(signal.SIGTERM, stop)
"""


@pytest.mark.parametrize(
    "loop",
    [
        "asyncore.loop()",
        "while running: asyncore.poll(30.0)",
        "while running: asyncore.loop(30.0, count=1)",
        "import Lifetime; Lifetime.lifetime_loop()",
    ],
)
def test_what_a_handler_of_the_script_s_own_does_is_noticed_at_once(tmp_path, loop):
    script = in_a_loop(SCRIPT, f"{OF_ITS_OWN}\n{loop}\n")
    status, output, errors = served_and_stopped(tmp_path, script, signal.SIGTERM, within=10.0)
    assert (status, output.endswith("cleaned up\n")) == (0, True), errors


def as_python_shows_it(folder: Path, text: str) -> tuple[str, str]:
    """The errors of a program under the switch, and those of the same program by itself."""
    (folder / "old.py").write_text(text)
    switched = run("-m", "servers.legacy", "--quiet", "old.py", "x", folder=folder)
    alone = run("old.py", "x", folder=folder)
    assert switched[:2] == alone[:2]
    return switched[2], alone[2]


def test_an_error_of_a_script_looks_as_if_python_ran_it(tmp_path):
    switched, alone = as_python_shows_it(
        tmp_path, "import os\nos.chdir('/')\ndef f():\n    raise ValueError('mine')\nf()\n"
    )
    assert switched == alone
    assert "raise ValueError('mine')" in switched


def test_a_script_of_python_2_is_told_so_as_python_does(tmp_path):
    switched, alone = as_python_shows_it(tmp_path, "print 'hello'\n")
    assert switched == alone
    assert "SyntaxError" in switched


def test_a_script_is_the_main_program_with_all_that_belongs_to_it(tmp_path):
    switched, alone = as_python_shows_it(
        tmp_path,
        "import __main__, atexit, pickle, sys\n"
        "class Thing: pass\n"
        "def last():\n    print(__main__.Thing is Thing, __file__)\n"
        "atexit.register(last)\n"
        "print(__name__, sys.argv, sorted(vars(__main__)), __doc__, __spec__)\n"
        "print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)\n"
        "sys.exit(7)\n",
    )
    assert switched == alone == ""


def test_a_hook_of_the_script_s_own_gets_its_errors(tmp_path):
    switched, alone = as_python_shows_it(
        tmp_path,
        "import sys\nsys.excepthook = lambda kind, error, trace: print(kind, error)\n1 / 0\n",
    )
    assert switched == alone == ""


def test_a_script_may_be_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "old.pyz", "w") as archive:
        archive.writestr("__main__.py", "import medusa, sys\nprint(sys.argv[1:])\n1 / 0\n")
    path = str(tmp_path / "old.pyz")
    status, output, errors = run("-m", "servers.legacy", "--quiet", path, "x")
    assert (status, output) == (1, "['x']\n")
    assert errors.count("  File ") == 1
