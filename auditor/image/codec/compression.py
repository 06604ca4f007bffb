"""Layers as they come: gzip, zstd or plain, recognised by their first bytes.

Media types lie (registries rewrite them, `docker save` has none), the magic numbers do not:
RFC 1952 for gzip, RFC 8878 for Zstandard.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING

from auditor.decompression import GZIP, PackedDataError, Packing, unpacked
from auditor.image.codec.stream import CHUNK, DamagedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.image.codec.stream import Buffer

__all__ = ["MAGIC_BYTES", "Compression", "decompressed", "peek", "sniff", "zstd"]


class Compression(StrEnum):
    """How a layer is packed."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"


MAGIC_BYTES = 4
"""Bytes that `sniff` needs."""


def sniff(head: bytes) -> Compression:
    """Return how a stream is packed, by its first bytes."""
    if head.startswith(b"\x1f\x8b"):
        return Compression.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd") or (
        # A skippable frame (RFC 8878 3.1.2) may come first.
        head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50
    ):
        return Compression.ZSTD
    return Compression.PLAIN


_PACKINGS = {
    Compression.GZIP: GZIP,
    Compression.ZSTD: Packing(zstd.ZstdDecompressor, (zstd.ZstdError,)),
}


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
    return kind, _unpacked(chunks, kind)


def _unpacked(chunks: Iterator[Buffer], kind: Compression) -> Iterator[bytes]:
    try:
        yield from unpacked(chunks, _PACKINGS[kind], CHUNK)
    except PackedDataError as error:
        raise DamagedError(f"is damaged {kind} data ({error})") from error
