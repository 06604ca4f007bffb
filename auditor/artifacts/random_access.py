"""Bytes that can be read from anywhere in the file: of a local one, or by HTTP ranges."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from typing import Protocol

    class RandomAccess(Protocol):
        """A file of known size."""

        @property
        def size(self) -> int:
            """Bytes of the whole file."""

        def read(self, offset: int, size: int) -> bytes:
            """Return `size` bytes from `offset`; fewer at the end of the file."""


PIECE = 256 * 1024
"""Bytes per reading: they stay in the processor's cache from inflating to hashing."""


class FileAccess:
    """The bytes of a seekable file, whose position it moves."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`; fewer at the end of the file."""
        if offset >= self.size:
            return b""  # headers name places that no system call takes
        self._file.seek(offset)
        return self._file.read(size)
