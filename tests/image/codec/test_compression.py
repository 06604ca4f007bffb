from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from auditor.image.codec.compression import Compression, decompressed, peek, sniff, zstd
from auditor.image.codec.stream import CHUNK, DamagedError, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKERS: list[Callable[[bytes], bytes]] = [gzip.compress, zstd.compress]
TEXT = bytes(range(256)) * 3000


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def unpacked(data: bytes, chunk: int = 1000) -> bytes:
    return b"".join(bytes(piece) for piece in decompressed(chunked(data, chunk))[1])


SKIPPABLE = b"\x5a\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"


@pytest.mark.parametrize(
    ("data", "kind", "content"),
    [
        pytest.param(b"", Compression.PLAIN, b"", id="empty"),
        pytest.param(TEXT, Compression.PLAIN, TEXT, id="plain"),
        pytest.param(gzip.compress(TEXT), Compression.GZIP, TEXT, id="gzip"),
        pytest.param(
            gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(b"more"),
            Compression.GZIP,
            TEXT + b"more",
            id="gzip-members",
        ),
        pytest.param(
            gzip.compress(TEXT) + bytes(5000), Compression.GZIP, TEXT, id="gzip-then-zeros"
        ),
        pytest.param(zstd.compress(TEXT), Compression.ZSTD, TEXT, id="zstd"),
        pytest.param(
            zstd.compress(TEXT) + SKIPPABLE + zstd.compress(b"more"),
            Compression.ZSTD,
            TEXT + b"more",
            id="zstd-frames",
        ),
        pytest.param(
            SKIPPABLE + zstd.compress(b"more"), Compression.ZSTD, b"more", id="zstd-skippable-first"
        ),
    ],
)
@pytest.mark.parametrize("chunk", [1, 777, 1 << 20])
def test_unpacks(data: bytes, kind: Compression, content: bytes, chunk: int) -> None:
    assert decompressed(chunked(data, chunk))[0] is kind
    assert unpacked(data, chunk) == content


@pytest.mark.parametrize("pack", PACKERS, ids=["gzip", "zstd"])
def test_every_cut_is_told(pack: Callable[[bytes], bytes]) -> None:
    data = pack(b"some text, " * 20)
    for cut in range(5, len(data)):
        with pytest.raises(DamagedError, match="ends early"):
            unpacked(data[:cut])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(gzip.compress(TEXT)[:-8] + bytes(8), id="gzip-checksum"),
        pytest.param(gzip.compress(TEXT)[:20] + b"\xff" * 400, id="gzip-block"),
        pytest.param(gzip.compress(TEXT) + b"garbage behind it", id="gzip-then-garbage"),
        pytest.param(b"\x1f\x8b\x07" + bytes(50), id="gzip-method"),
        pytest.param(zstd.compress(TEXT)[:20] + b"\xff" * 400, id="zstd-block"),
    ],
)
def test_damage_is_told(data: bytes) -> None:
    with pytest.raises(DamagedError, match="damaged"):
        unpacked(data)


@pytest.mark.parametrize("pack", PACKERS, ids=["gzip", "zstd"])
def test_bomb_comes_in_small_chunks_and_meets_the_limit(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(20 << 20))
    assert max(len(piece) for piece in decompressed([bomb])[1]) <= CHUNK
    source = Source(decompressed([bomb])[1], limit=1 << 20)
    with pytest.raises(DamagedError, match="more than 1048576 bytes"):
        source.drain()


def test_peek_gives_everything_back() -> None:
    head, chunks = peek(chunked(b"abcdefgh", 3), 4)
    assert (head, b"".join(bytes(chunk) for chunk in chunks)) == (b"abcd", b"abcdefgh")


def test_sniffing_needs_the_whole_magic() -> None:
    assert sniff(b"\x1f") is Compression.PLAIN
    assert sniff(b"") is Compression.PLAIN
