"""Threads that an interrupted audit does not wait for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Return a pool of `count` threads, waited for at the end of the body unless that raises.

    What has not begun by then never does. Ctrl-C can leave a thread that never ends: it waits
    for a lock of `concurrent.futures` that the main thread had just taken.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown(cancel_futures=True)
