"""Threads are waited for, but not by an interrupted audit."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait

import pytest

from auditor.thread_pool import threads


def test_the_end_of_the_body_waits() -> None:
    go, ended = threading.Event(), threading.Event()

    def work() -> None:
        go.wait(30)
        ended.set()

    with threads(2, "waited") as pool:
        pool.submit(work)
        go.set()
    assert ended.is_set()


def test_an_exception_waits_for_nobody() -> None:
    go, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(30)

    futures: list[Future[None]] = []

    def interrupted() -> None:
        with threads(1, "stuck") as pool:
            futures.extend([pool.submit(work), pool.submit(work)])
            begun.wait(30)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    stuck, queued = futures
    assert not stuck.done()
    assert queued.cancelled()
    go.set()
    wait([stuck])
