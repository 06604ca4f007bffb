"""Bytes that come once, in chunks of any size, read without copying them together."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from auditor.image import limits

if TYPE_CHECKING:
    from _hashlib import HASH
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    Buffer = bytes | memoryview

    class Readable(Protocol):
        """Anything with a `read`: a file, a pipe, an answer of the engine."""

        def read(self, n: int, /) -> bytes:
            """Return at most `n` bytes; none at the end."""

    class Closable(Readable, Protocol):
        """A stream that its user closes."""

        def close(self) -> None:
            """Release what the stream holds."""


CHUNK = 256 * 1024
"""Bytes per reading: measured best with isal and sha256 (it stays in the processor's cache)."""


class DamagedError(Exception):
    """Bytes that are not what their format says; a caller that knows their name reports it."""


class EndsEarlyError(DamagedError):
    """Fewer bytes than their format asks for."""


class Source:
    """A position in a stream of chunks.

    `pieces`, `take` and `skip` move forward only. Raises `DamagedError` where the stream ends
    early or goes on for more than `limit` bytes.
    """

    __slots__ = ("_at", "_base", "_chunks", "_end", "_limit", "_seek", "_view")

    def __init__(
        self,
        chunks: Iterable[Buffer],
        *,
        limit: int = limits.LAYER_BYTES,
        seek: Callable[[int], object] | None = None,
    ) -> None:
        """Read `chunks`; `seek` lets a long `skip` jump that many bytes of them."""
        self._chunks = iter(chunks)
        self._seek = seek
        self._limit = limit
        self._view = memoryview(b"")
        self._at = 0
        self._end = 0
        self._base = 0

    @property
    def position(self) -> int:
        """Bytes read or skipped so far."""
        return self._base + self._at

    def _refill(self) -> bool:
        self._base += self._end
        self._at = self._end = 0
        for chunk in self._chunks:
            self._view = memoryview(chunk)
            self._end = len(chunk)
            if self._base + self._end > self._limit:
                raise DamagedError(f"holds more than {self._limit} bytes")
            if self._end:
                return True
        return False

    def at_end(self) -> bool:
        """Return whether nothing is left."""
        return self._at == self._end and not self._refill()

    def whole(self, size: int) -> memoryview | None:
        """Return the next `size` bytes where they are in one chunk; else None, and stay."""
        at = self._at
        if at + size > self._end:
            return None
        self._at = at + size
        return self._view[at : at + size]

    def pieces(self, size: int) -> Iterator[memoryview]:
        """Yield the next `size` bytes in as few parts as possible."""
        while size:
            if self._at == self._end and not self._refill():
                raise EndsEarlyError(f"ends early, after {self.position} bytes")
            piece = self._view[self._at : self._at + size]
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes together."""
        piece = self.whole(size)
        return bytes(piece) if piece is not None else b"".join(self.pieces(size))

    def skip(self, size: int) -> None:
        """Pass over the next `size` bytes."""
        left = self._end - self._at
        if size > left and self._seek is not None:
            self._at = self._end
            self._seek(size - left)
            self._base += size - left
            return
        for _ in self.pieces(size):
            pass

    def rest(self) -> Iterator[Buffer]:
        """Yield everything that is left, without a limit."""
        if self._at < self._end:
            yield self._view[self._at : self._end]
            self._at = self._end
        yield from self._chunks

    def drain(self) -> None:
        """Read to the end, so that what counts or hashes the chunks has seen them all."""
        while self._refill():
            pass


class FileRange(NamedTuple):
    """`size` bytes of the file `path`, from `offset`; small, so that processes can share it."""

    path: str
    offset: int
    size: int

    @contextmanager
    def open(self, skip: int = 0) -> Iterator[Iterator[bytes]]:
        """Return the bytes after the first `skip`."""
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.offset + skip)
            yield file_chunks(file, self.size - skip)


def file_chunks(file: Readable, size: int = limits.UNLIMITED) -> Iterator[bytes]:
    """Yield what is left of `file`, or its next `size` bytes."""
    while size > 0 and (chunk := file.read(min(CHUNK, size))):
        size -= len(chunk)
        yield chunk


def hashed(chunks: Iterable[Buffer], whole: HASH) -> Iterator[Buffer]:
    """Yield `chunks`, each taken in by the hash on its way."""
    for chunk in chunks:
        whole.update(chunk)
        yield chunk


def counted(chunks: Iterable[Buffer], count: Callable[[int], None]) -> Iterator[Buffer]:
    """Yield `chunks`; `count` gets the size of each on its way."""
    for chunk in chunks:
        count(len(chunk))
        yield chunk
