"""The processes in which untrusted code objects are read and sources compiled."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, Self

from auditor.evidence.code_digest import HEADER
from auditor.thread_pool import threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from types import TracebackType

_SCRIPT = Path(__file__).with_name("code_digest.py")
_COMMAND = (sys.executable, "-I", "-S", "-B", "-W", "ignore", str(_SCRIPT))
_SECONDS = 60.0
"""Wall time after which a request counts as hopeless."""
_DEATHS = 5
"""Processes that may die of their input before nobody is asked any more."""
_ANSWER = 256
"""Bytes of the longest answer."""
_BATCH = 128 << 10
"""Bytes of requests that a process gets together: many are small."""


class Request(NamedTuple):
    """What a process is asked about."""

    path: str
    """For the caller; the process never sees it."""
    optimize: int
    data: bytes


_Answer = tuple[Request, list[str] | None]
"""The words, or None where the process died."""


class CodeProcess:
    """Asks for digests of `kind`; starts a new process where one has died."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def ask(self, optimize: int, data: bytes) -> list[str] | None:
        """Return the words of the answer, none where there is no code to be had.

        None where the process died of what it was given.
        """
        process = self._process = self._process or _started(self._kind)
        line = b""
        with suppress(OSError):
            line = _exchanged(process, HEADER.pack(optimize, len(data)) + data)
        if not line.endswith(b"\n"):
            self._end()
            return None
        words = line.decode("ascii", "replace").split()
        return [] if words == ["-"] else words

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            with suppress(OSError):
                self._process.communicate()
            self._process = None


def _exchanged(process: subprocess.Popen[bytes], message: bytes) -> bytes:
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


def _started(kind: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own script
        (*_COMMAND, kind),
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
    )
    if process.stdin is not None:
        os.set_blocking(process.stdin.fileno(), False)
    return process


class CodeProcesses:
    """One `CodeProcess` for each processor, asked at the same time."""

    def __init__(self, kind: str) -> None:
        self.deaths = 0
        """Processes that died of what they were given."""
        self._stack = ExitStack()
        self._idle: SimpleQueue[CodeProcess] = SimpleQueue()
        count = len(os.sched_getaffinity(0))
        for _ in range(count):
            self._idle.put(self._stack.enter_context(CodeProcess(kind)))
        self._threads = self._stack.enter_context(threads(count, kind))
        self._ahead = 2 * count
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._stack.__exit__(kind, error, trace)

    def answers(self, requests: Iterable[Request]) -> Iterator[tuple[Request, list[str]]]:
        """Yield the requests, in their order, each with the words of its answer.

        They are taken while others are worked at, few ahead. Those that come after too many
        processes have died are left out: the same ones, however many processors there are.
        """
        asked: deque[Future[list[_Answer]]] = deque()
        for batch in _batches(requests):
            asked.append(self._threads.submit(self._ask, batch))
            if len(asked) > self._ahead:
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
        """Ask one process; no further where what follows would not be given anyway."""
        process = self._idle.get()
        found: list[_Answer] = []
        died = 0
        for request in batch:
            if self._over or max(died, self.deaths) >= _DEATHS:
                break
            words = process.ask(request.optimize, request.data)
            found.append((request, words))
            died += words is None
        self._idle.put(process)
        return found


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
