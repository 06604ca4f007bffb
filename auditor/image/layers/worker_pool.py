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
from contextlib import closing, nullcontext, suppress
from multiprocessing.connection import Connection, wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, cast

from auditor.errors import ImageError
from auditor.image.layers.layer_index import LayerIndex
from auditor.image.layers.layer_request import ImageBudget, LayerRequest, index_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.progress import Progress

    Count = Callable[[int], None]
    Add = Callable[[LayerRequest, LayerIndex], None]

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
    found: dict[LayerRequest, LayerIndex] = {}
    budget = ImageBudget()

    def count(size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress("layers", done, total)

    def add(request: LayerRequest, index: LayerIndex) -> None:
        found[request] = index
        budget.add_layer(index, request.digest)

    if min(len(different), _processors()) < 2 or total < worth or not sys.executable:
        for request in different:
            add(request, index_request(request, count))
    else:
        with nullcontext(workers) if workers else closing(LayerWorkers()) as pool:
            pool.index(different, count, add)
    return [found[request] for request in requests]


def _processors() -> int:
    return len(os.sched_getaffinity(0))


class LayerWorkers:
    """Processes that index layers: one for each processor at most, started when needed.

    Threads may share them: each gets what is free, and waits only while it has none at all.
    No lock is taken that Ctrl-C could leave locked.
    """

    def __init__(self) -> None:
        self._workers = [_Worker() for _ in range(_processors())]
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)

    def close(self) -> None:
        """End all processes; for threads that still use them, `index` raises `ImageError`."""
        idle = []
        with suppress(Empty):
            while True:
                idle.append(self._free.get_nowait())
        for worker in idle:
            worker.end()
            self._free.put(worker)
        for worker in self._workers:
            worker.close()

    def index(self, requests: Sequence[LayerRequest], count: Count, add: Add) -> None:
        """Index layers, the largest first, so that none is left alone at the end.

        `count` gets the bytes read since it was called last, `add` each index that is complete.
        Raises `ImageError`.
        """
        waiting = sorted(requests, key=lambda request: request.place.size)
        busy: dict[Connection, _Worker] = {}
        try:
            while waiting or busy:
                while waiting and (worker := self._next(block=not busy)) is not None:
                    busy[worker.connection] = worker
                    worker.send(waiting.pop())
                for ready in wait(list(busy)):
                    worker = busy[cast("Connection", ready)]
                    answer = worker.receive()
                    if isinstance(answer, int):
                        count(answer)
                    else:
                        add(worker.request, answer)
                        self._free.put(busy.pop(worker.connection))
        finally:
            for worker in busy.values():
                worker.end()
                self._free.put(worker)

    def _next(self, *, block: bool) -> _Worker | None:
        """Return a running worker that is free, None where there is none and `block` is off."""
        try:
            worker = self._free.get(block)
        except Empty:
            return None
        try:
            worker.start()
        except BaseException:
            self._free.put(worker)
            raise
        return worker


class _Worker:
    """One process, if it is running, and our end of the pipe to it."""

    connection: Connection
    request: LayerRequest

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def start(self) -> None:
        """Start a process, unless one is running; raises `ImageError` once closed."""
        if self._process is not None and self._process.poll() is None:
            return
        self.end()
        try:
            self._begin()
        except OSError as error:  # no process, file or memory left
            raise ImageError(
                f"no process can be started to read layers: {error.strerror or error}",
                "let fewer audits run at a time",
            ) from error
        if self._closed:  # perhaps meanwhile, by another thread
            self.end()
            raise ImageError("layers cannot be read: the processes that read them have ended")

    def _begin(self) -> None:
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

    def close(self) -> None:
        """End the process for good; the pipe stays for a thread that waits for an answer."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()
            process.wait()

    def end(self) -> None:
        """End the process, and close the pipe."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.connection.close()
            self._process = None

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
