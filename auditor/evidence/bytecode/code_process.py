"""The processes in which untrusted code objects are read and sources compiled."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from auditor.evidence.bytecode.code_digest import CODE, HEADER, SOURCE
from auditor.thread_pool import threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

_SCRIPT = Path(__file__).with_name("code_digest.py")
_COMMAND = (sys.executable, "-I", "-S", "-B", "-W", "ignore", str(_SCRIPT))
_SECONDS = 60.0
"""Wall time after which a request counts as hopeless."""
_DEATHS = 5
"""Processes that may die of one audit's requests of a kind before it makes no more of them."""
_ANSWER = 256
"""Bytes of the longest answer."""
_BATCH = 128 << 10
"""Bytes of requests that a process gets together, since many are small."""


class Request(NamedTuple):
    """One request to a process."""

    path: str
    """For the caller; the process never sees it."""
    optimize: int
    data: bytes


_Answer = tuple[Request, list[str] | None]
"""The words, or None where the process died."""


class CodeProcess:
    """A process for requests of one kind, started by the first, and again after it has died."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, optimize: int, data: bytes) -> list[str] | None:
        """Return the words of the answer, none where there is no code.

        None where the process died of what it was given.
        """
        process = self._process = self._process or _start(self.kind)
        line = b""
        with suppress(OSError):
            line = _exchange(process, HEADER.pack(optimize, len(data)) + data)
        if not line.endswith(b"\n"):
            self.close()
            return None
        words = line.decode("ascii", "replace").split()
        return [] if words == ["-"] else words

    def kill(self) -> None:
        """End the process, also while another thread waits for its answer."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End the process and close its pipes."""
        if self._process is not None:
            self._process.kill()
            with suppress(OSError):
                self._process.communicate()
            self._process = None


def _exchange(process: subprocess.Popen[bytes], message: bytes) -> bytes:
    """Return the answer to a message; none where it takes too long or the process has died."""
    if process.stdin is None or process.stdout is None:
        return b""
    deadline = time.monotonic() + _SECONDS
    left = memoryview(message)
    while left:
        if not _ready(process.stdin.fileno(), select.POLLOUT, deadline):
            return b""
        left = left[os.write(process.stdin.fileno(), left) :]
    if not _ready(process.stdout.fileno(), select.POLLIN, deadline):
        return b""
    # A line comes as a whole, as every write to a pipe that is so short.
    return os.read(process.stdout.fileno(), _ANSWER)


def _ready(descriptor: int, event: int, deadline: float) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, event)
    return bool(waiting.poll(max(deadline - time.monotonic(), 0) * 1000))


def _start(kind: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own script
        (*_COMMAND, kind),
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        process_group=0,  # Ctrl-C is for the audit, which ends its processes itself
    )
    if process.stdin is not None:
        os.set_blocking(process.stdin.fileno(), False)
    return process


class CodeProcesses:
    """One process of each kind for each processor, for audits that may run at the same time.

    They start when they are needed. Those that compile sources serve one audit after the other;
    those that read code objects end with the audit: what a hostile one does to its process must
    not reach the verdict on another image.
    """

    def __init__(self) -> None:
        self._closed = False
        self._idle: dict[str, SimpleQueue[CodeProcess]] = {}
        for kind in (SOURCE, CODE):
            self._idle[kind] = SimpleQueue()
            for _ in os.sched_getaffinity(0):
                self._idle[kind].put(CodeProcess(kind))

    @contextmanager
    def queries(self, kind: str) -> Iterator[CodeQueries]:
        """Return what asks the processes that are idle now, and waits for one if none is."""
        idle = self._idle[kind]
        taken: list[CodeProcess] = []
        try:
            taken.append(idle.get())
            taken.extend(_available(idle))
            with threads(len(taken), kind) as pool:
                queries = CodeQueries(taken, pool)
                try:
                    yield queries
                except BaseException:
                    queries.stop()
                    taken = [CodeProcess(kind) for _ in taken]
                    raise
        finally:
            for process in taken:
                if kind == CODE or self._closed:
                    process.close()
                idle.put(process)

    def close(self) -> None:
        """End the processes; those in use end with their audit."""
        self._closed = True
        for idle in self._idle.values():
            for process in list(_available(idle)):
                process.close()
                idle.put(process)


def _available(processes: SimpleQueue[CodeProcess]) -> Iterator[CodeProcess]:
    with suppress(Empty):
        while True:
            yield processes.get_nowait()


class CodeQueries:
    """The requests of one kind that one audit makes, answered by several processes at once."""

    def __init__(self, processes: list[CodeProcess], pool: ThreadPoolExecutor) -> None:
        self.deaths = 0
        """Processes that died of what they were given."""
        self._processes = processes
        self._idle: SimpleQueue[CodeProcess] = SimpleQueue()
        for process in processes:
            self._idle.put(process)
        self._threads = pool
        self._over = False

    def stop(self) -> None:
        """End all processes at once; the threads that wait for them end soon after."""
        self._over = True
        for process in self._processes:
            process.kill()
        for process in list(_available(self._idle)):
            process.close()
            self._idle.put(process)  # for a thread that waits for one, to see that all is over

    def answers(self, requests: Iterable[Request]) -> Iterator[tuple[Request, list[str]]]:
        """Yield the requests, in their order, each with the words of its answer.

        They are taken while others are worked at, few ahead. Those that come after too many
        processes have died are left out: the same ones, however many processors there are.
        """
        asked: deque[Future[list[_Answer]]] = deque()
        for batch in _batches(requests):
            asked.append(self._threads.submit(self._ask, batch))
            if len(asked) > 2 * len(self._processes):
                yield from self._counted(asked.popleft().result())
        while asked:
            yield from self._counted(asked.popleft().result())

    def _counted(self, answers: Iterable[_Answer]) -> Iterator[tuple[Request, list[str]]]:
        for request, words in answers:
            if self.deaths >= _DEATHS:
                return
            self.deaths += words is None
            yield request, words or []

    def _ask(self, batch: Iterable[Request]) -> list[_Answer]:
        """Ask one process, as long as its answers can still count."""
        process = self._idle.get()
        answers: list[_Answer] = []
        died = 0
        for request in batch:
            if self._over or max(died, self.deaths) >= _DEATHS:
                break
            words = process.ask(request.optimize, request.data)
            answers.append((request, words))
            died += words is None
        self._idle.put(process)
        return answers


def _batches(requests: Iterable[Request]) -> Iterator[list[Request]]:
    batch: list[Request] = []
    size = 0
    for request in requests:
        batch.append(request)
        size += len(request.data)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
