"""Values that threads share, each made once."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")


class _Slot(Generic[V]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: V | None = None
        self.made: float | None = None


class KeyedCache(Generic[K, V]):
    """Values by key; the first thread that asks for one makes it, others wait for that one."""

    def __init__(self, limit: float = math.inf, seconds: float = math.inf) -> None:
        """Hold the `limit` values that were used last, each for `seconds` at most."""
        self._limit = limit
        self._seconds = seconds
        self._lock = threading.Lock()
        self._slots: OrderedDict[K, _Slot[V]] = OrderedDict()

    def known(self, key: K) -> V | None:
        """Return the value that `key` has now; None where it has none."""
        slot = self._slots.get(key)
        return None if slot is None else slot.value

    def get(self, key: K, make: Callable[[], V], refused: V | None = None) -> V:
        """Return the value of `key`; make it where it is absent, too old or still `refused`."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            if len(self._slots) > self._limit:
                self._slots.popitem(last=False)
        with slot.lock:
            old = slot.made is None or time.monotonic() - slot.made > self._seconds
            if old or (refused is not None and slot.value == refused):
                slot.value, slot.made = make(), time.monotonic()
            return slot.value  # type: ignore[return-value] # made by now
