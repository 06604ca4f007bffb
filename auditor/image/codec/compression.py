"""Layers as they come: gzip, zstd or plain, told by their first bytes.

Media types lie (registries rewrite them, `docker save` has none), the magic numbers do not:
RFC 1952 for gzip, RFC 8878 for Zstandard. What comes out is handed on in bounded chunks, so a
decompression bomb meets the byte limit of `Source` long before it fills the memory.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from isal import igzip_lib

from auditor.image.codec.stream import CHUNK, DamagedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from auditor.image.codec.stream import Buffer


class Compression(StrEnum):
    """How a layer is packed."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"


MAGIC_BYTES = 4
"""Bytes that `sniff` needs."""


def sniff(head: bytes) -> Compression:
    """Tell from its first bytes how a stream is packed."""
    if head.startswith(b"\x1f\x8b"):
        return Compression.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd") or (
        # A skippable frame (RFC 8878 3.1.2) may come first.
        head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50
    ):
        return Compression.ZSTD
    return Compression.PLAIN


class _Decompressor(Protocol):
    """What isal and zstd have in common: the interface of `bz2.BZ2Decompressor`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: Buffer, max_length: int = ...) -> bytes: ...


def _gzip_member() -> _Decompressor:
    member: _Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return member


def _zstd_frame() -> _Decompressor:
    frame: _Decompressor = zstd.ZstdDecompressor()
    return frame


_FORMATS: dict[Compression, Callable[[], _Decompressor]] = {
    Compression.GZIP: _gzip_member,
    Compression.ZSTD: _zstd_frame,
}

_ERRORS: tuple[type[Exception], ...] = (
    igzip_lib.IsalError,  # type: ignore[assignment] # its stub calls the class an instance
    zstd.ZstdError,
    EOFError,
    ValueError,
)


def peek(chunks: Iterable[Buffer], size: int) -> tuple[bytes, Iterator[Buffer]]:
    """Return the first `size` bytes, or fewer at the end, and a stream that still has them."""
    stream = iter(chunks)
    head = b""
    for chunk in stream:
        head += chunk
        if len(head) >= size:
            break
    return head[:size], chain((head,), stream)


def decompressed(chunks: Iterable[Buffer]) -> tuple[Compression, Iterator[Buffer]]:
    """Return how the stream is packed, and what is in it.

    Raises `DamagedError`, while iterating, where the packing is damaged or cut short.
    """
    head, chunks = peek(chunks, MAGIC_BYTES)
    kind = sniff(head)
    if kind is Compression.PLAIN:
        return kind, chunks
    return kind, _inflate(chunks, kind)


def _inflate(chunks: Iterator[Buffer], kind: Compression) -> Iterator[bytes]:
    """Decompress every member (gzip) or frame (zstd) of the stream, one after the other."""
    start = _FORMATS[kind]
    part: _Decompressor | None = None
    left: Buffer = b""
    while left or (left := next(chunks, b"")):
        if part is None:
            if not bytes(left).strip(b"\0"):
                left = b""  # padding after the last member, as gzip itself allows
                continue
            part = start()
        try:
            out = part.decompress(left, CHUNK)
            left = b""
            while out or not (part.needs_input or part.eof):
                yield out
                out = b"" if part.eof else part.decompress(b"", CHUNK)
        except _ERRORS as error:
            raise DamagedError(f"is damaged {kind} data ({error})") from error
        if part.eof:
            left = part.unused_data
            part = None
    if part is not None:
        raise DamagedError(f"is {kind} data that ends early")
