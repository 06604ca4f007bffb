"""The bytes of artifacts that are read, for a progress bar."""

from __future__ import annotations

import threading


class Traffic:
    """Counts bytes, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = self._total = 0

    def expect(self, size: int | None) -> None:
        """Count an artifact that will be read, as large as the lock says."""
        with self._lock:
            self._total += size or 0

    def add(self, size: int) -> None:
        """Count bytes that were read."""
        with self._lock:
            self._done += size

    def so_far(self) -> tuple[int, int | None]:
        """Return the bytes that were read and those there will be, None where that is unknown."""
        with self._lock:
            return self._done, self._total if self._total >= self._done else None
