"""How a long reading tells the terminal how far it is."""

from __future__ import annotations

import threading
from typing import Protocol


class Progress(Protocol):
    """Called now and then while bytes are read; draws nothing itself."""

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` bytes of `what` are read; None where nobody knows."""


class ByteCounter:
    """Bytes that several threads read, of so many that are expected."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._done = self._total = 0

    def expect(self, size: int | None) -> None:
        """Expect so many bytes more; None where their number is unknown."""
        with self.lock:
            self._total += size or 0

    def add(self, size: int) -> None:
        """Count bytes that were read."""
        with self.lock:
            self._done += size

    def so_far(self) -> tuple[int, int | None]:
        """Return the bytes that were read and those there will be, None where that is unknown."""
        with self.lock:
            return self._done, self._total if self._total >= self._done else None
