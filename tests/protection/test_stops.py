"""How a process ends: by which exception, with which exit status."""

from __future__ import annotations

import signal

import pytest

from tests.protection.programs import run


def held(*names: str, before: str = "") -> str:
    """A program that is asked so inside a block, and says whether the body went on."""
    asks = "".join(f"ask({name!r}); " for name in names)
    return f"{before}\nwith ShutdownProtection(60):\n    {asks}say('body')\nsay('behind')"


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["SIGINT"], -signal.SIGINT),
        (["SIGTERM"], 128 + signal.SIGTERM),
        (["SIGQUIT"], 128 + signal.SIGQUIT),
        (["SIGHUP"], 128 + signal.SIGHUP),
        (["SIGINT", "SIGINT"], 128 + signal.SIGINT),
        (["SIGTERM", "SIGINT"], 128 + signal.SIGTERM),
    ],
)
def test_a_block_that_completes_ends_the_process_behind_it(names: list[str], status: int) -> None:
    ended = run(held(*names))
    assert (ended.returncode, ended.stdout) == (status, "body\n")


def test_a_stop_by_system_exit_says_nothing() -> None:
    assert run(held("SIGTERM")).stderr == ""


def test_the_third_request_ends_the_process_inside_the_block() -> None:
    ended = run(held("SIGTERM", "SIGINT", "SIGHUP"))
    assert (ended.returncode, ended.stdout) == (128 + signal.SIGTERM, "")


def test_an_overrun_after_one_ctrl_c_is_still_one_ctrl_c() -> None:
    ended = run("with ShutdownProtection(0.05):\n    ask('SIGINT'); time.sleep(20)")
    assert ended.returncode == -signal.SIGINT


@pytest.mark.parametrize("status", [0, 1, 77])
def test_the_exit_status_can_be_chosen(status: int) -> None:
    configure = f"configure_shutdown_manager(exit_status={status})"
    assert run(held("SIGTERM", before=configure)).returncode == status


def test_the_program_that_asks_gives_the_exit_status() -> None:
    assert run("with ShutdownProtection(60):\n    request_shutdown('idle', 7)").returncode == 7


@pytest.mark.parametrize(
    ("name", "status"), [("SIGTERM", 128 + signal.SIGTERM), ("SIGINT", -signal.SIGINT)]
)
def test_without_a_block_the_process_ends_at_once(name: str, status: int) -> None:
    ended = run(f"configure_shutdown_manager()\nask({name!r})\nsay('behind')")
    assert (ended.returncode, ended.stdout) == (status, "")


def test_asyncio_ends_its_tasks_when_a_request_finds_no_block() -> None:
    program = """
        async def main():
            try:
                asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
                await asyncio.sleep(20)
            finally:
                say("ended")
        configure_shutdown_manager()
        asyncio.run(main())
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (128 + signal.SIGTERM, "ended\n")


def deaf(body: str) -> str:
    """A program whose main thread does not feel the signal that comes while it sleeps.

    Another thread takes it; to the main one it is as if it came in the moment before a system call.
    """
    send = "def send():\n    say('sent'); os.kill(os.getpid(), signal.SIGTERM)"
    return f"""
configure_shutdown_manager()
{send}
threading.Thread(target=time.sleep, args=[3600], daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
threading.Timer(0.1, send).start()
{body}
"""


def test_who_handles_the_signal_of_a_reminder_is_not_reminded() -> None:
    body = """
taken = []
signal.signal(signal.SIGURG, lambda number, frame: taken.append(number))
for _ in range(20):  # the watcher hears of some of them behind the handler
    ask("SIGHUP")
    time.sleep(0.05)  # above the time of a reminder
say(taken)
"""
    assert run("configure_shutdown_manager(terminate_on_hup=False)" + body).stdout == "[]\n"


@pytest.mark.parametrize(
    "body", ["time.sleep(3600)", "with ShutdownProtection(0.3):\n    time.sleep(3600)"]
)
def test_a_signal_that_does_not_end_a_system_call_is_honoured_all_the_same(body: str) -> None:
    ended = run(deaf(body))
    assert (ended.returncode, ended.stdout) == (128 + signal.SIGTERM, "sent\n")
