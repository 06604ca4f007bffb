"""A range of bytes in a file of this machine."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class FileRange(NamedTuple):
    """`size` bytes of the file `path`, from `offset`; small, so that processes can share it."""

    path: str
    offset: int
    size: int

    @contextmanager
    def open(self, skip: int = 0) -> Iterator[BinaryIO]:
        """Open the file, `skip` bytes into the range."""
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.offset + skip)
            yield file
