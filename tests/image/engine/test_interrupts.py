from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from auditor.image.engine.interrupts import Interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def received() -> Iterator[list[int]]:
    """Handlers that only note what comes, in the place of those of the test runner."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _frame: came.append(got)) for number in numbers]
    yield came
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_held_back_until_the_end(received: list[int], number: signal.Signals) -> None:
    with Interrupts():
        signal.raise_signal(number)
        assert received == []
    assert received == [number]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_where_allowed(received: list[int], number: signal.Signals) -> None:
    reached = []

    def section() -> None:
        with Interrupts() as interrupts:
            try:
                with interrupts.allowed():
                    signal.raise_signal(number)
                    reached.append("the rest")
            finally:
                signal.raise_signal(signal.SIGINT)  # the impatient second one
                reached.append("the end of cleaning up")

    with pytest.raises(KeyboardInterrupt):
        section()
    assert reached == ["the end of cleaning up"]
    assert received == [number]


def test_interrupts_at_once_if_it_came_before(received: list[int]) -> None:
    reached = []

    def section() -> None:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGTERM)
            reached.append("what may not be interrupted")
            with interrupts.allowed():
                reached.append("what may")

    with pytest.raises(KeyboardInterrupt):
        section()
    assert reached == ["what may not be interrupted"]
    assert received == [signal.SIGTERM]


def test_nothing_came(received: list[int]) -> None:
    with Interrupts() as interrupts, interrupts.allowed():
        pass
    signal.raise_signal(signal.SIGTERM)
    assert received == [signal.SIGTERM]


def test_ignored_signals_stay_ignored(received: list[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts() as interrupts, interrupts.allowed():
        signal.raise_signal(signal.SIGINT)
    assert received == []


def test_other_threads_have_no_signals(received: list[int]) -> None:
    inside = threading.Event()
    leave = threading.Event()

    def section() -> None:
        with Interrupts():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=section)
    thread.start()
    assert inside.wait(10)
    signal.raise_signal(signal.SIGINT)
    leave.set()
    thread.join()
    assert received == [signal.SIGINT]
