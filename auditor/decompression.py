"""Packed bytes unpacked in bounded pieces: a bomb meets its reader's limit before memory fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from isal import igzip_lib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Buffer = bytes | memoryview


class PackedDataError(Exception):
    """Packed bytes that are not what their format says."""


class _Decompressor(Protocol):
    """The interface of `bz2.BZ2Decompressor`, which isal, lzma and zstd share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: Buffer, max_length: int = ...) -> bytes: ...


class Packing(NamedTuple):
    """A format that bytes are packed in."""

    decompressor: Callable[[], _Decompressor]
    """Makes what unpacks one part: a gzip member, a zstd frame, a bzip2 or xz stream."""
    errors: tuple[type[Exception], ...]
    """What that raises at damaged bytes, beside `EOFError` and `ValueError`."""


def _isal(flag: int) -> Packing:
    errors: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment] # by its stub a value
    return Packing(lambda: igzip_lib.IgzipDecompressor(flag=flag), (errors,))


GZIP = _isal(igzip_lib.DECOMP_GZIP)
DEFLATE = _isal(igzip_lib.DECOMP_DEFLATE)


def unpacked(chunks: Iterable[Buffer], packing: Packing, size: int) -> Iterator[bytes]:
    """Yield what all parts of a stream hold, in pieces of at most `size` bytes.

    Zeros behind the last part are padding, as gzip itself allows. Raises `PackedDataError`.
    """
    stream = iter(chunks)
    part: _Decompressor | None = None
    left: Buffer = b""
    while left or (left := next(stream, b"")):
        if part is None:
            if not bytes(left).strip(b"\0"):
                left = b""
                continue
            part = packing.decompressor()
        yield from unpacked_chunk(left, part, packing, size)
        left = b""
        if part.eof:
            left, part = part.unused_data, None
    if part is not None:
        raise PackedDataError("it ends early")


def unpacked_chunk(
    chunk: Buffer, part: _Decompressor, packing: Packing, size: int
) -> Iterator[bytes]:
    """Yield what the next chunk of one part holds, in pieces of at most `size` bytes.

    Raises `PackedDataError`.
    """
    errors: tuple[type[Exception], ...] = (*packing.errors, EOFError, ValueError)
    try:
        out = part.decompress(chunk, size)
        while out or not (part.needs_input or part.eof):
            yield out
            out = b"" if part.eof else part.decompress(b"", size)
    except errors as error:
        raise PackedDataError(str(error)) from error
