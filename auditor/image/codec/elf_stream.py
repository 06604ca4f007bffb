"""ELF facts of a file that comes in a stream: what has to be kept of it while it passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.image.codec.elf import (
    DYNAMIC,
    DYNAMIC_BYTES,
    EXECUTE,
    INTERP,
    LOAD,
    NAME_BYTES,
    NOTE,
    NOTE_BYTES,
    Segment,
    read_bytes,
    read_elf,
    read_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.image.codec.stream import Buffer
    from auditor.model import Elf

_HEADERS = 4 << 10
"""Bytes in which the program headers are expected: linkers put them behind the file header."""

_HEAD_BYTES = 1 << 20
"""Bytes kept of the start of each segment that can hold the dynamic strings."""


class StreamingElfReader:
    """A file that passes by in pieces, of which the parts with facts are kept.

    Where its string table begins is known only when PT_DYNAMIC has passed, mostly behind it.
    So the start of every segment that a string table can lie in is kept: the first one, and
    those without code (tools that lengthen the table put it into a new segment at the end).
    """

    __slots__ = ("_bound", "_end", "_head", "_kept")

    def __init__(self, bound: int = _HEAD_BYTES) -> None:
        """Keep at most `bound` bytes of each segment, and four times that of the file."""
        self._bound = bound
        self._end = 0
        self._head: bytearray | None = bytearray()
        self._kept: list[tuple[int, int, bytearray]] = []

    def feed(self, piece: Buffer) -> None:
        """Take in the next piece."""
        start = self._end
        self._end += len(piece)
        if self._head is not None:
            left = _HEADERS - len(self._head)
            self._head += piece[:left]
            if len(self._head) < _HEADERS:
                return
            self._plan()
            start, piece = start + left, piece[left:]
        if self._kept:
            self._keep(start, piece)

    def facts(self) -> Elf | None:
        """Return the facts of the file that has passed; None where it is no ELF file."""
        if self._head is not None:
            return read_bytes(bytes(self._head))
        return read_elf(self._read)

    def _keep(self, start: int, piece: Buffer) -> None:
        end = start + len(piece)
        for first, last, kept in self._kept:
            if start < last and first < end:
                kept.extend(piece[max(first - start, 0) : last - start])

    def _plan(self) -> None:
        """Decide what is kept, from the headers that have passed."""
        head, self._head = bytes(self._head or b""), None
        header = read_header(lambda offset, size: head[offset : offset + size])
        if header is None:
            return  # nothing will be kept
        ranges = [(0, _HEADERS)]
        if not header.complete:
            ranges.append((0, self._bound))
        ranges += _ranges(header.segments, self._bound)
        left = self._bound * 4
        for first, last in _merged(ranges):
            size = min(last - first, left)
            left -= size
            self._kept.append((first, first + size, bytearray()))
        self._keep(0, head)

    def _read(self, offset: int, size: int) -> bytes:
        for first, _, kept in self._kept:
            if first <= offset < first + len(kept):
                return bytes(kept[offset - first : offset - first + size])
        return b""


def _ranges(segments: Sequence[Segment], bound: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of what is worth keeping."""
    first = min((each.offset for each in segments if each.type == LOAD), default=0)
    limits = {LOAD: bound, DYNAMIC: DYNAMIC_BYTES, NOTE: NOTE_BYTES, INTERP: NAME_BYTES}
    for segment in segments:
        code = segment.type == LOAD and segment.flags & EXECUTE and segment.offset != first
        if segment.type in limits and not code:
            yield segment.offset, segment.offset + min(segment.size, limits[segment.type])


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges that do not touch, sorted."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged
