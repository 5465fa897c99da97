"""Blocks in several threads: all are waited for, and it is the main thread that stops."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

from lifetime.protection import (
    HaltProtectedBlockException,
    ShutdownImminentException,
    ShutdownProtection,
    configure_shutdown_manager,
    pending_shutdown,
    release,
    request_shutdown,
)
from tests.protection.programs import TOO_LONG, ask, in_thread, run, seconds_of, stop_of

FOREVER = 20.0


class Worker:
    """A thread that stays in a block until it is told to go on.

    behind: what it does behind the block.
    """

    def __init__(self, window: float = 60.0, behind: Callable[[], object] = lambda: None) -> None:
        self.window = window
        self.behind = behind
        self.protected = threading.Event()
        self.may_end = threading.Event()
        self.ended_at = 0.0

    def __call__(self) -> None:
        with ShutdownProtection(self.window):
            self.protected.set()
            self.may_end.wait(TOO_LONG)
            self.ended_at = time.monotonic()
        self.behind()


def test_a_block_in_another_thread_holds_the_main_thread() -> None:
    configure_shutdown_manager()
    worker = Worker()
    with in_thread(worker):
        worker.protected.wait(TOO_LONG)
        assert stop_of(ask) is None
        pending = pending_shutdown()
        assert pending is not None
        assert pending.remaining is not None
        assert pending.remaining > 50
        assert stop_of(lambda: [worker.may_end.set(), time.sleep(FOREVER)])


def delay_of_main() -> float:
    """Seconds from the end of the last block, in a worker, to the stop of a main that waits."""
    configure_shutdown_manager()
    worker = Worker()
    with in_thread(worker):
        worker.protected.wait(TOO_LONG)
        ask()
        end = threading.Timer(0.05, worker.may_end.set)
        end.start()
        assert stop_of(lambda: threading.Event().wait(FOREVER))
        stopped_at = time.monotonic()
        end.join()
    release()
    return stopped_at - worker.ended_at


def test_the_main_thread_stops_within_50_ms_of_the_end_of_the_last_block() -> None:
    assert min(delay_of_main() for _ in range(5)) < 0.05


def test_the_worker_itself_goes_on_quietly_behind_its_block() -> None:
    done: list[str] = []
    configure_shutdown_manager()
    worker = Worker(behind=lambda: done.append("behind"))
    with in_thread(worker):
        worker.protected.wait(TOO_LONG)
        ask()
        worker.may_end.set()
        assert stop_of(lambda: time.sleep(FOREVER))
    assert done == ["behind"]


def test_the_example_with_threads_exits_with_the_status_of_the_signal() -> None:
    program = """
        configure_shutdown_manager()
        def work():
            with ShutdownProtection(60):
                os.kill(os.getpid(), signal.SIGTERM)
                while not pending_shutdown(): time.sleep(0.001)
                say("worked")
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        threading.Event().wait(20)
        say("never")
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "worked\n", "")


def test_several_workers_are_all_waited_for() -> None:
    configure_shutdown_manager()
    workers = [Worker() for _ in range(3)]
    with in_thread(workers[0]), in_thread(workers[1]), in_thread(workers[2]):
        for worker in workers:
            worker.protected.wait(TOO_LONG)
        ask()
        for worker in workers[:-1]:
            worker.may_end.set()
        assert stop_of(lambda: time.sleep(0.1)) is None
        workers[-1].may_end.set()
        assert stop_of(lambda: time.sleep(FOREVER))


def test_the_latest_deadline_counts_for_the_main_thread() -> None:
    configure_shutdown_manager()
    short, long = Worker(0.05), Worker(0.4)
    with in_thread(short), in_thread(long):
        long.protected.wait(TOO_LONG)
        short.protected.wait(TOO_LONG)
        ask()
        waited = seconds_of(lambda: stop_of(lambda: time.sleep(FOREVER)))
        short.may_end.set()
        long.may_end.set()
    assert 0.2 < waited < FOREVER / 2


def test_a_worker_that_overruns_can_look_but_is_not_interrupted() -> None:
    configure_shutdown_manager()
    seen: list[tuple[bool, float]] = []
    stopped = threading.Event()
    protected = threading.Event()

    def work() -> None:
        with ShutdownProtection(0.1) as block:
            protected.set()
            stopped.wait(TOO_LONG)
            seen.append((block.pending, block.remaining()))

    with in_thread(work):
        protected.wait(TOO_LONG)
        ask()
        assert stop_of(lambda: time.sleep(FOREVER))
        stopped.set()
    assert seen == [(True, 0.0)]


def test_the_first_block_of_a_thread_is_refused_while_a_request_is_pending() -> None:
    configure_shutdown_manager()
    worker = Worker()
    refused: list[BaseException] = []

    def begin() -> None:
        try:
            with ShutdownProtection():
                raise AssertionError("it was let in")
        except ShutdownImminentException as error:
            refused.append(error)

    with in_thread(worker):
        worker.protected.wait(TOO_LONG)
        ask()
        with in_thread(begin):
            pass
        worker.may_end.set()
        assert stop_of(lambda: time.sleep(FOREVER))
    assert [str(error.code) for error in refused if isinstance(error, SystemExit)] == ["143"]


def test_a_refused_thread_ends_without_a_traceback() -> None:
    program = """
        configure_shutdown_manager()
        def begin():
            with ShutdownProtection(): say("never")
        with ShutdownProtection():
            ask("SIGTERM")
            thread = threading.Thread(target=begin)
            thread.start()
            thread.join()
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "", "")


def test_a_thread_that_asks_for_a_stop_when_nobody_would_hear_of_it_is_told_what_to_do() -> None:
    errors: list[str] = []

    def work() -> None:
        try:
            request_shutdown()
        except ValueError as error:
            errors.append(str(error))

    with in_thread(work):
        pass
    assert "call configure_shutdown_manager() there" in errors[0]
    assert pending_shutdown() is None


def test_run_at_exit_lets_a_thread_begin_while_a_request_is_pending() -> None:
    configure_shutdown_manager()
    worker = Worker()
    done: list[str] = []

    def begin() -> None:
        with ShutdownProtection(run_at_exit=True):
            done.append("cleaned up")

    with in_thread(worker):
        worker.protected.wait(TOO_LONG)
        ask()
        with in_thread(begin):
            pass
        worker.may_end.set()
        assert stop_of(lambda: time.sleep(FOREVER))
    assert done == ["cleaned up"]


def test_the_main_thread_stops_at_its_next_block_but_not_before_the_others_end() -> None:
    configure_shutdown_manager()
    worker = Worker()

    def body() -> None:
        with ShutdownProtection(60):
            raise AssertionError("it was let in")

    with in_thread(worker):
        worker.protected.wait(TOO_LONG)
        ask()
        end = threading.Timer(0.1, worker.may_end.set)
        end.start()
        assert isinstance(stop_of(body), SystemExit)
        assert worker.ended_at
        end.join()


def test_a_workers_breaking_point_ends_its_block_and_then_the_main_thread() -> None:
    configure_shutdown_manager()
    done: list[str] = []
    protected, asked = threading.Event(), threading.Event()

    def work() -> None:
        with ShutdownProtection(60) as block:
            protected.set()
            asked.wait(TOO_LONG)
            block.allow_break()
            done.append("body")
        done.append("behind")

    with in_thread(work):
        protected.wait(TOO_LONG)
        ask()
        asked.set()
        assert stop_of(lambda: time.sleep(FOREVER))
    assert done == ["behind"]


def test_the_main_threads_breaking_point_ends_only_its_block_while_a_worker_is_in_one() -> None:
    worker = Worker()
    done: list[str] = []

    def body() -> None:
        with ShutdownProtection(60) as block:
            ask()
            block.allow_break()
            done.append("body")
        done.append("behind")
        worker.may_end.set()
        time.sleep(FOREVER)

    configure_shutdown_manager()
    with in_thread(worker):
        worker.protected.wait(TOO_LONG)
        assert isinstance(stop_of(body), SystemExit)
    assert done == ["behind"]


def test_by_hand_a_broken_block_ends_its_thread_quietly() -> None:
    program = """
        configure_shutdown_manager()
        def work():
            block = ProtectedBlock(60)
            block.protect()
            ready.set()
            asked.wait(20)
            try: block.allow_break()
            finally: block.unprotect()
        ready, asked = threading.Event(), threading.Event()
        thread = threading.Thread(target=work)
        thread.start()
        ready.wait(20)
        ask("SIGTERM")
        asked.set()
        thread.join()
        time.sleep(20)
    """
    ended = run(program)
    assert (ended.returncode, ended.stderr) == (143, "")


def test_except_exception_does_not_swallow_a_break() -> None:
    configure_shutdown_manager()
    worker = Worker()
    rounds: list[int] = []

    def work() -> None:
        with ShutdownProtection(60) as block:
            for number in range(1000):
                try:
                    rounds.append(number)
                    ready.set()
                    asked.wait(TOO_LONG)
                    block.allow_break()
                except Exception:
                    pass

    ready, asked = threading.Event(), threading.Event()
    with in_thread(worker), in_thread(work):
        worker.protected.wait(TOO_LONG)
        ready.wait(TOO_LONG)
        ask()
        asked.set()
        worker.may_end.set()
        assert stop_of(lambda: time.sleep(FOREVER))
    assert rounds == [0]


def test_blocks_may_come_and_go_in_many_threads_while_a_request_comes() -> None:
    configure_shutdown_manager()
    refused: list[bool] = []

    def work() -> None:
        try:
            while True:
                with ShutdownProtection(60) as block:
                    block.allow_break()
        except (ShutdownImminentException, HaltProtectedBlockException):
            refused.append(True)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    ask_later = threading.Timer(0.1, signal.pthread_kill, [threading.get_ident(), signal.SIGTERM])
    ask_later.start()
    assert isinstance(stop_of(lambda: time.sleep(FOREVER)), SystemExit)
    for thread in [*threads, ask_later]:
        thread.join(TOO_LONG)
    assert len(refused) == len(threads)
