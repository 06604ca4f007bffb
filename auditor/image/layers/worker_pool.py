"""Several layers on several processors.

Workers are fresh interpreters that are told what to do over a pipe. Not `multiprocessing`'s
own: forking a process with threads (the engine's client, a progress bar) can hang it, and its
other ways run the caller's main script once more, which a library must not do to a script that
says `auditor.audit(...)` at its top level.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, cast

from auditor.errors import ImageError
from auditor.image.layers.layer_index import Budget, LayerIndex
from auditor.image.layers.layer_request import LayerRequest, admit, index_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.progress import Progress

_WORTH = 48 << 20
"""Bytes of layers below which starting interpreters takes longer than it saves."""

_TELL = 4 << 20
"""Bytes a worker reads between two words about its progress."""

_START = (
    "import sys; sys.path[:] = {path!r}; "
    "from auditor.image.layers.worker_pool import work; work({fd})"
)


def index_spans(
    requests: Sequence[LayerRequest], progress: Progress | None = None, *, worth: int = _WORTH
) -> list[LayerIndex]:
    """Index every layer, in the order asked; the same layer twice is read once.

    Fewer bytes than `worth` are read here, more by as many workers as there are processors.
    Raises `ImageError` for the first layer that cannot be read; no worker outlives the call.
    """
    different = list(dict.fromkeys(requests))
    total = sum(request.span.size for request in different)
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress("layers", done, total)

    workers = min(len(different), len(os.sched_getaffinity(0)))
    if workers < 2 or total < worth or not sys.executable:
        found = _one_by_one(different, count)
    else:
        found = _in_parallel(different, workers, count)
    return [found[request] for request in requests]


def _one_by_one(
    requests: Sequence[LayerRequest], count: Callable[[int], None]
) -> dict[LayerRequest, LayerIndex]:
    budget = Budget()
    found: dict[LayerRequest, LayerIndex] = {}
    for request in requests:
        found[request] = index_request(request, count)
        admit(found[request], request.digest, budget)
    return found


def _in_parallel(
    requests: Sequence[LayerRequest], workers: int, count: Callable[[int], None]
) -> dict[LayerRequest, LayerIndex]:
    """Hand the requests out, the largest first, so that none is left alone at the end."""
    waiting = sorted(requests, key=lambda request: request.span.size)
    found: dict[LayerRequest, LayerIndex] = {}
    busy: dict[Connection, LayerRequest] = {}
    budget = Budget()
    with ExitStack() as stack:
        for _ in range(workers):
            connection = stack.enter_context(_worker(stack))
            busy[connection] = _handed(connection, waiting.pop())
        while busy:
            for ready in wait(list(busy)):
                connection = cast("Connection", ready)
                answer = _answer(connection, busy[connection])
                if isinstance(answer, int):
                    count(answer)
                    continue
                request = busy.pop(connection)
                admit(answer, request.digest, budget)
                found[request] = answer
                if waiting:
                    busy[connection] = _handed(connection, waiting.pop())
    return found


def _worker(stack: ExitStack) -> Connection:
    """Start a worker that ends with `stack`; give our end of its pipe."""
    ours, theirs = socket.socketpair()
    with theirs:
        code = _START.format(path=sys.path, fd=theirs.fileno())
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            # Ctrl-C is for the audit, which ends its workers itself.
            process_group=0,
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return Connection(ours.detach())


def _handed(connection: Connection, request: LayerRequest) -> LayerRequest:
    """Hand a request to a worker; give it back. That the worker has died, its answer tells."""
    with suppress(OSError):
        connection.send(request)
    return request


def _answer(connection: Connection, request: LayerRequest) -> LayerIndex | int:
    """Return what a worker says: an index, or the bytes that it has read meanwhile."""
    try:
        answer: object = connection.recv()
    except (EOFError, OSError) as error:
        raise ImageError(
            f"layer {request.digest} could not be read: the process that read it died",
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
    """Index layers until nobody asks for more: the worker's side."""
    with Connection(descriptor) as connection:
        try:
            while True:
                request = connection.recv()
                connection.send(_indexed(request, connection))
        except (EOFError, OSError):
            return


def _indexed(request: LayerRequest, connection: Connection) -> LayerIndex | tuple[str, str]:
    untold = 0

    def count(size: int) -> None:
        nonlocal untold
        untold += size
        if untold >= _TELL:
            connection.send(untold)
            untold = 0

    try:
        return index_request(request, count)
    except ImageError as error:
        return error.message, error.hint
