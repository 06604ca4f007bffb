"""Several layers on several processors.

Workers are fresh interpreters that get their requests over a pipe. Not `multiprocessing`'s
own: forking a process with threads (the engine's client, a progress bar) can hang it, and its
other ways run the caller's main script once more, which a library must not do to a script that
says `auditor.audit(...)` at its top level.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import deque
from contextlib import nullcontext, suppress
from multiprocessing.connection import Connection, wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, cast

from auditor.errors import ImageError
from auditor.image.layers.image_budget import ImageBudget
from auditor.image.layers.layer_index import LayerIndex
from auditor.image.layers.layer_request import LayerRequest, index_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from auditor.progress import Progress

    Count = Callable[[int], None]

_WORTH = 48 << 20
"""Bytes of layers below which starting interpreters takes longer than it saves."""

_REPORT = 4 << 20
"""Bytes that a worker reads between two reports of its progress."""

_START = (
    "import sys; sys.path[:] = {path!r}; "
    "from auditor.image.layers.worker_pool import work; work({fd})"
)


def index_layers(
    requests: Sequence[LayerRequest],
    progress: Progress | None = None,
    workers: LayerWorkers | None = None,
    *,
    worth: int = _WORTH,
) -> list[LayerIndex]:
    """Index every layer, in the order of `requests`; the same layer twice is read once.

    Fewer bytes than `worth` are read here, more by `workers`; where there are none, by some
    that end with the call. Raises `ImageError` for the first layer that cannot be read.
    """
    different = list(dict.fromkeys(requests))
    total = sum(request.place.size for request in different)
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress("layers", done, total)

    if min(len(different), _processors()) < 2 or total < worth or not sys.executable:
        found = _index_here(different, count)
    else:
        with nullcontext(workers) if workers else LayerWorkers() as pool:
            found = pool.index(different, count)
    return [found[request] for request in requests]


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _index_here(requests: Sequence[LayerRequest], count: Count) -> dict[LayerRequest, LayerIndex]:
    budget = ImageBudget()
    found: dict[LayerRequest, LayerIndex] = {}
    for request in requests:
        found[request] = index_request(request, count)
        budget.add_layer(found[request], request.digest)
    return found


class LayerWorkers:
    """Processes that index layers: one for each processor at most, started when needed.

    Threads may share them: each gets what is free, and waits only while it has none at all.
    Nothing here takes a lock that Ctrl-C could leave locked.
    """

    def __init__(self) -> None:
        self._idle: deque[_Worker] = deque()
        self._running: set[_Worker] = set()
        self._closed = False
        self._free: SimpleQueue[None] = SimpleQueue()
        """An item for each worker that is idle or may be started."""
        self._limit = _processors()
        for _ in range(self._limit):
            self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; what other threads still have them read fails with `ImageError`."""
        self._closed = True
        for worker in list(self._running):
            worker.kill()
        for _ in range(self._limit):
            self._free.put(None)  # for threads that wait
        while self._idle:
            self._idle.pop().close()

    def index(
        self, requests: Sequence[LayerRequest], count: Count
    ) -> dict[LayerRequest, LayerIndex]:
        """Index layers, the largest first, so that none is left alone at the end.

        Raises `ImageError`.
        """
        waiting = sorted(requests, key=lambda request: request.place.size)
        found: dict[LayerRequest, LayerIndex] = {}
        busy: dict[Connection, _Worker] = {}
        budget = ImageBudget()
        try:
            while waiting or busy:
                while waiting and (worker := self._acquire(block=not busy)) is not None:
                    busy[worker.connection] = worker
                    worker.send(waiting.pop())
                for ready in wait(list(busy)):
                    worker = busy[cast("Connection", ready)]
                    answer = worker.receive()
                    if isinstance(answer, int):
                        count(answer)
                        continue
                    found[worker.request] = answer
                    self._release(busy.pop(worker.connection))
                    budget.add_layer(answer, worker.request.digest)
        finally:
            for worker in busy.values():
                self._end(worker)
                self._free.put(None)
        return found

    def _acquire(self, *, block: bool) -> _Worker | None:
        """Return a worker that nobody uses, None where there is none and `block` is off."""
        try:
            self._free.get(block)
        except Empty:
            return None
        try:
            return self._idle_worker() or self._new_worker()
        except BaseException:
            self._free.put(None)
            raise

    def _idle_worker(self) -> _Worker | None:
        while self._idle:
            with suppress(IndexError):  # another thread was quicker
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                self._end(worker)
        return None

    def _new_worker(self) -> _Worker:
        worker = _Worker()
        self._running.add(worker)
        if self._closed:
            self._end(worker)
            raise ImageError("layers cannot be read: their workers were closed")
        return worker

    def _release(self, worker: _Worker) -> None:
        self._idle.append(worker)
        self._free.put(None)

    def _end(self, worker: _Worker) -> None:
        worker.close()
        self._running.discard(worker)


class _Worker:
    """One process, and our end of the pipe to it."""

    request: LayerRequest

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-c", _START.format(path=sys.path, fd=theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # Ctrl-C is for the audit, which ends its workers itself.
                process_group=0,
            )
            self.connection = Connection(ours.detach())

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, request: LayerRequest) -> None:
        """Send a request; if the process has died, `receive` says so."""
        self.request = request
        with suppress(OSError):
            self.connection.send(request)

    def receive(self) -> LayerIndex | int:
        """Return the index, or the number of bytes read since the last report."""
        try:
            answer: object = self.connection.recv()
        except (EOFError, OSError) as error:
            raise ImageError(
                f"layer {self.request.digest} could not be read: the process that read it died",
                "memory may have run out",
            ) from error
        match answer:
            case LayerIndex() | int():
                return answer
            case (str(message), str(hint)):
                raise ImageError(message, hint)
            case _:
                raise AssertionError(answer)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process; the pipe is closed by the thread that uses it, for no other to reuse."""
        self.kill()
        self.connection.close()


def work(descriptor: int) -> None:
    """Index layers until the pipe is closed: the worker's side."""
    with Connection(descriptor) as connection, suppress(EOFError, OSError):
        while True:
            connection.send(_answer(connection.recv(), connection))


def _answer(request: LayerRequest, connection: Connection) -> LayerIndex | tuple[str, str]:
    unreported = 0

    def count(size: int) -> None:
        nonlocal unreported
        unreported += size
        if unreported >= _REPORT:
            connection.send(unreported)
            unreported = 0

    try:
        return index_request(request, count)
    except ImageError as error:
        return error.message, error.hint
