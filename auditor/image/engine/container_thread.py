"""Threads in which containers are created, used and removed.

Python runs signal handlers in the main thread, so none can raise between a container of these
threads and its removal. The thread that waits for one may be interrupted: it calls the work off
then, and waits until the containers are removed.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from auditor.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker.api.client import APIClient

    from auditor.image.engine.inspection import Inspected

T = TypeVar("T")

_GRACE_SECONDS = 0.5
"""How long a thread without a container may take to close its connection."""


_POLL_SECONDS = 0.1
"""A signal that the system delivers to another thread does not wake the main thread."""


class LeftBehindError(EngineError):
    """A container that the engine does not remove; the user has to."""


class Latch:
    """Something that happens once, and that threads wait for.

    A signal handler that raises in `threading.Event.wait` can leave the event's lock taken, and
    `set` never returns from then on; a `SimpleQueue` is written in C and has no such moment.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Let everyone pass who waits, or will wait."""
        self.is_set = True
        self._queue.put(None)

    def wait(self, seconds: float = math.inf) -> None:
        """Wait until it has happened, but no longer than this."""
        deadline = time.monotonic() + seconds
        while not self.is_set and (left := deadline - time.monotonic()) > 0:
            with suppress(Empty):
                self._queue.get(timeout=min(left, _POLL_SECONDS))


class ContainerThread(threading.Thread, Generic[T]):
    """A thread that works with containers of one image.

    `work` is given a connection, what the engine says of the image, and the latch that is set
    when the work is called off; it removes what it creates.
    """

    def __init__(self, image: str, work: Callable[[APIClient, Inspected, Latch], T]) -> None:
        # A silent engine must not keep the process alive.
        super().__init__(name=f"containers of {image}", daemon=True)
        self._image_name = image
        self._work = work
        self._called_off = Latch()
        self._working = False
        # Not the thread's own end: a `join` that is interrupted takes it for ended (3.11).
        self._ended = Latch()
        self._result: T
        self._error: Exception | None = EngineError("the audit was called off")

    def run(self) -> None:
        """Connect, inspect the image and do the work."""
        # What only calls threads off need not import the engine's client.
        from auditor.image.engine.connection import connected  # noqa: PLC0415
        from auditor.image.engine.inspection import inspected_image  # noqa: PLC0415

        try:
            with connected() as api:
                facts = inspected_image(api, self._image_name)
                self._working = True
                if not self._called_off.is_set:
                    self._result = self._work(api, facts, self._called_off)
                    self._error = None
        except Exception as error:  # noqa: BLE001 - raised in the thread that asks for the result
            self._error = error
        finally:
            self._ended.set()

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Start the thread, and end it after the body, however that ends; see `end`."""
        try:
            self.start()
            yield self
        finally:
            self.end()

    def result(self) -> T:
        """Wait for the end of the work; return its result, or raise its error."""
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def end(self) -> None:
        """Call the work off, and wait until its containers are removed.

        What a signal handler raises meanwhile is raised when they are. Raises `LeftBehindError`
        where a container stays.
        """
        try:
            # Either `run` finds this set, or it is seen to work here.
            self._called_off.set()
            self._ended.wait(math.inf if self._working else _GRACE_SECONDS)
        except BaseException:
            self.end()
            raise
        if isinstance(self._error, LeftBehindError):
            raise self._error


def end_container_threads() -> None:
    """Call off what all threads of this process do with containers; see `ContainerThread.end`."""
    for thread in threading.enumerate():
        if isinstance(thread, ContainerThread):
            thread.end()
