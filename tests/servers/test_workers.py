"""A bounded pool of threads."""

from __future__ import annotations

import threading

import pytest

from servers.workers import Workers, WorkersBusy


@pytest.fixture
def pool():
    """A pool of two threads that is stopped behind the test."""
    workers = Workers(2, waiting=3)
    yield workers
    assert workers.stop(10.0)


def test_a_job_is_done_in_another_thread(pool):
    names: list[str] = []
    done = threading.Event()
    pool.submit(lambda: (names.append(threading.current_thread().name), done.set()))
    assert done.wait(10.0)
    assert names == ["worker 1"]


def test_no_more_threads_than_its_size(pool):
    gate = threading.Event()
    begun = threading.Semaphore(0)

    def job() -> None:
        begun.release()
        gate.wait(10.0)

    for _ in range(4):
        pool.submit(job)
    assert begun.acquire(timeout=10.0)
    assert begun.acquire(timeout=10.0)
    assert not begun.acquire(timeout=0.05)
    gate.set()


def test_so_much_may_wait_and_no_more(pool):
    gate = threading.Event()
    begun = threading.Semaphore(0)

    def job() -> None:
        begun.release()
        gate.wait(10.0)

    for _ in range(2):
        pool.submit(job)
        assert begun.acquire(timeout=10.0)
    for _ in range(3):
        pool.submit(job)
    with pytest.raises(WorkersBusy, match="3 jobs wait for a worker thread already"):
        pool.submit(job)
    gate.set()


def test_a_job_that_fails_is_logged_and_harms_no_other(pool, caplog):
    done = threading.Event()
    pool.submit(lambda: 1 / 0)
    pool.submit(done.set)
    assert done.wait(10.0)
    assert pool.stop(10.0)
    assert "ZeroDivisionError" in caplog.text


def test_what_waits_is_done_before_a_stop():
    workers = Workers(1)
    done: list[int] = []
    for number in range(10):
        workers.submit(done.append, number)
    assert workers.stop(10.0)
    assert done == list(range(10))
    with pytest.raises(RuntimeError, match="has been stopped"):
        workers.submit(done.append, 11)


def test_a_pool_may_grow_and_shrink(pool):
    pool.resize(1)
    done = threading.Event()
    pool.submit(done.set)
    assert done.wait(10.0)
    pool.resize(3)
    assert pool.size == 3
    with pytest.raises(ValueError, match="give at least 1"):
        pool.resize(0)
