"""Errors of the body and of callbacks while the process is to stop."""

from __future__ import annotations

import threading
import time

from lifetime.protection import ShutdownProtection, configure_shutdown_manager
from tests.protection.programs import TOO_LONG, ask, in_thread, run, seconds_of, stop_of

FOREVER = 20.0


def fail_in_a_block(window: float = 60.0) -> None:
    with ShutdownProtection(window):
        ask()
        raise LookupError("the real error")


def test_the_error_of_the_body_leaves_the_block() -> None:
    errors: list[str] = []

    def body() -> None:
        try:
            fail_in_a_block()
        except LookupError as error:
            errors.append(str(error))
        time.sleep(FOREVER)

    assert stop_of(body)
    assert errors == ["the real error"]


def test_an_error_that_nobody_handles_is_printed_and_ends_the_process() -> None:
    program = """
        with ShutdownProtection(60):
            ask("SIGTERM")
            raise LookupError("the real error")
    """
    ended = run(program)
    assert ended.returncode == 1
    assert ended.stderr.count("LookupError: the real error") == 1
    assert "SystemExit" not in ended.stderr


def test_an_error_that_somebody_handles_is_handled_and_then_the_process_stops() -> None:
    done: list[str] = []

    def body() -> None:
        try:
            fail_in_a_block()
        except LookupError:
            time.sleep(0.2)
            done.append("handled")
        time.sleep(FOREVER)
        done.append("never")

    assert seconds_of(lambda: stop_of(body)) < FOREVER / 2
    assert done == ["handled"]


def test_the_end_of_another_threads_block_does_not_interrupt_who_handles_the_error() -> None:
    configure_shutdown_manager()
    protected, may_end = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        with ShutdownProtection(60):
            protected.set()
            may_end.wait(TOO_LONG)

    def body() -> None:
        try:
            fail_in_a_block()
        except LookupError:
            may_end.set()
            time.sleep(0.2)
            done.append("handled")
        time.sleep(FOREVER)

    with in_thread(work):
        protected.wait(TOO_LONG)
        assert isinstance(stop_of(body), SystemExit)
    assert done == ["handled"]


def test_a_handler_that_never_ends_has_what_was_left_of_the_window() -> None:
    def body() -> None:
        try:
            fail_in_a_block(window=0.3)
        except LookupError:
            time.sleep(FOREVER)

    assert seconds_of(lambda: stop_of(body)) < FOREVER / 2


def test_who_handles_an_error_inside_another_block_has_the_window_of_that_one() -> None:
    def body() -> None:
        with ShutdownProtection(0.1):
            try:
                fail_in_a_block(window=60.0)
            except LookupError:
                time.sleep(FOREVER)

    assert seconds_of(lambda: stop_of(body)) < FOREVER / 2


def test_a_loop_that_handles_every_error_stops_at_its_next_block() -> None:
    rounds: list[int] = []

    def body() -> None:
        for number in range(1000):
            try:
                with ShutdownProtection(60):
                    rounds.append(number)
                    if number == 3:
                        ask()
                    raise LookupError
            except LookupError:
                pass

    assert isinstance(stop_of(body), SystemExit)
    assert rounds == [0, 1, 2, 3]


def test_an_error_in_a_callback_at_exit_is_not_interrupted() -> None:
    program = """
        @atexit.register
        def clean_up():
            time.sleep(0.3)
            say("cleaned up")
        with ShutdownProtection(60):
            ask("SIGTERM")
            raise LookupError("the real error")
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (1, "cleaned up\n")


def test_a_generator_that_is_closed_in_a_block_is_closed() -> None:
    def generate() -> object:
        with ShutdownProtection(60):
            ask()
            yield

    def body() -> None:
        generator = generate()
        next(generator)  # type: ignore[call-overload]
        generator.close()  # type: ignore[attr-defined]
        time.sleep(FOREVER)

    assert isinstance(stop_of(body), SystemExit)


def test_sys_exit_in_the_body_has_its_own_status() -> None:
    program = 'with ShutdownProtection(60):\n    ask("SIGTERM"); sys.exit(5)'
    assert run(program).returncode == 5


# before_termination


def test_before_termination_is_called_just_before_the_stop() -> None:
    done: list[str] = []
    configure_shutdown_manager(before_termination=lambda: done.append("called"))

    def body() -> None:
        with ShutdownProtection(60):
            ask()
            done.append("body")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["body", "called"]


def test_before_termination_is_called_in_the_main_thread_when_a_worker_ends_last() -> None:
    program = """
        configure_shutdown_manager(
            before_termination=lambda: say(threading.current_thread().name))
        def work():
            with ShutdownProtection(60):
                ready.set()
                while not pending_shutdown(): time.sleep(0.001)
        ready = threading.Event()
        threading.Thread(target=work, name="worker").start()
        ready.wait(20)
        ask("SIGTERM")
        time.sleep(20)
    """
    assert run(program).stdout == "MainThread\n"


def test_before_termination_is_called_once() -> None:
    calls: list[str] = []
    configure_shutdown_manager(before_termination=lambda: calls.append("called"))
    for _ in range(3):
        assert isinstance(stop_of(ask), SystemExit)
    assert calls == ["called"]


def test_a_before_termination_that_fails_is_reported_and_the_process_stops() -> None:
    program = """
        def fail(): raise RuntimeError("no disk")
        configure_shutdown_manager(before_termination=fail)
        ask("SIGTERM")
    """
    ended = run(program)
    assert ended.returncode == 143
    assert "before_termination failed" in ended.stderr
    assert "RuntimeError: no disk" in ended.stderr


def test_a_before_termination_whose_block_is_refused_is_reported() -> None:
    program = """
        def save():
            with ShutdownProtection(60): say("never")
        configure_shutdown_manager(before_termination=save)
        ask("SIGTERM")
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (143, "")
    assert "ShutdownImminentException" in ended.stderr


def test_a_request_does_not_interrupt_before_termination_unless_it_is_the_last_permitted() -> None:
    done: list[str] = []

    def before_termination() -> None:
        ask()
        done.append("after the second")
        ask()
        done.append("after the third")

    configure_shutdown_manager(before_termination=before_termination)
    assert isinstance(stop_of(ask), SystemExit)
    assert done == ["after the second"]


# Clean-up


def test_clean_up_can_be_protected() -> None:
    done: list[str] = []

    def body() -> None:
        try:
            with ShutdownProtection(60):
                ask()
        finally:
            with ShutdownProtection(60, run_at_exit=True):
                ask()
                done.append("cleaned up")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["cleaned up"]


def test_protected_clean_up_has_its_window_and_no_more() -> None:
    def body() -> None:
        configure_shutdown_manager()
        try:
            ask()
        finally:
            with ShutdownProtection(0.05, run_at_exit=True):
                time.sleep(FOREVER)

    assert seconds_of(lambda: stop_of(body)) < FOREVER / 2


def test_clean_up_behind_a_protected_part_is_not_stopped_again() -> None:
    done: list[str] = []

    def body() -> None:
        configure_shutdown_manager()
        try:
            ask()
        finally:
            with ShutdownProtection(60, run_at_exit=True):
                ask()
            time.sleep(0.1)
            done.append("cleaned up")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["cleaned up"]


def test_clean_up_can_be_broken_off_where_it_allows() -> None:
    done: list[str] = []

    def body() -> None:
        configure_shutdown_manager()
        try:
            ask()
        finally:
            with ShutdownProtection(60, run_at_exit=True) as block:
                block.allow_break()
                done.append("first part")
            done.append("second part")

    assert isinstance(stop_of(body), SystemExit)
    assert done == ["second part"]


def test_clean_up_that_is_not_protected_can_be_interrupted_by_another_request() -> None:
    def body() -> None:
        configure_shutdown_manager()
        try:
            ask()
        finally:
            ask()
            raise AssertionError("it went on")

    assert isinstance(stop_of(body), SystemExit)


def test_protected_clean_up_works_in_atexit() -> None:
    program = """
        @atexit.register
        def clean_up():
            with ShutdownProtection(60, run_at_exit=True):
                ask("SIGTERM")
                say("cleaned up")
        configure_shutdown_manager()
        ask("SIGTERM")
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (143, "cleaned up\n")


def test_without_a_descriptor_a_block_runs_and_the_log_says_what_is_missing() -> None:
    program = """
        import logging, resource
        logging.basicConfig(format="%(message)s")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        with ShutdownProtection(60):
            ask("SIGTERM")
            say("body")
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (143, "body\n")
    assert ended.stderr == (
        "nobody sees that the window of a protected block is over: [Errno 24] Too many open files\n"
    )


def test_the_watcher_ends_when_somebody_has_closed_its_descriptors() -> None:
    program = """
        import logging
        logging.basicConfig(format="%(message)s")
        configure_shutdown_manager()
        watcher, = (each for each in threading.enumerate() if each.name == "shutdown protection")
        signal.set_wakeup_fd(-1)
        os.closerange(3, 20)
        for _ in range(10):
            os.open(os.devnull, os.O_RDONLY)  # has one of the numbers now
        watcher.join(20)
        say(watcher.is_alive())
    """
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (0, "False\n")
    assert "nobody sees that the window of a protected block is over: " in ended.stderr
    assert "Traceback" not in ended.stderr
