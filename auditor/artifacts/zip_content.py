"""The bytes of a zip archive's members: unpacked, verified and handed on in pieces.

isal inflates two to three times as fast as zlib, and in bounded pieces: a bomb meets the
size that its own directory states.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from isal import isal_zlib

from auditor.artifacts.archive_limits import Budget
from auditor.artifacts.manifest import ArtifactError
from auditor.artifacts.random_access import PIECE
from auditor.artifacts.zip_directory import STORED, content_start, read_directory
from auditor.decompression import DEFLATE, PackedDataError, unpacked_chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auditor.artifacts.random_access import RandomAccess
    from auditor.artifacts.zip_directory import ZipMember


def contents(
    archive: RandomAccess, keep: Callable[[ZipMember], int]
) -> Iterator[tuple[ZipMember, bytes, bytes | None]]:
    """Yield every member in the order of their bytes, with its sha256 and, if kept, its content.

    Of two equal members with one name both come. `keep` returns up to how many bytes a member's
    content is kept; -1 for none. Raises `ArtifactError`.
    """
    budget = Budget(archive.size)
    seen: dict[str, bytes] = {}
    for member, end in read_directory(archive):
        budget.unpacked(member.size)
        kept = bytearray() if member.size <= keep(member) else None
        whole = sha256()
        for piece in _pieces(archive, member, end):
            whole.update(piece)
            if kept is not None:
                kept += piece
        digest = whole.digest()
        # Genuine wheels list a file twice; which of two contents counts is undefined.
        if seen.setdefault(member.name, digest) != digest:
            raise ArtifactError.unreadable(f"{member.name[:80]!a} is in it twice, and differs")
        yield member, digest, None if kept is None else bytes(kept)


def member_content(archive: RandomAccess, member: ZipMember, end: int) -> bytes:
    """Return the whole of one member, whose bytes must be over at `end`."""
    return b"".join(_pieces(archive, member, end))


def _pieces(archive: RandomAccess, member: ZipMember, end: int) -> Iterator[bytes]:
    """Yield a member's bytes; raises `ArtifactError` where size or CRC-32 are not as stated."""
    start = content_start(archive, member, end)
    packed = _packed(archive, start, member.packed)
    crc = size = 0
    for piece in packed if member.method == STORED else _inflated(packed, member):
        crc = isal_zlib.crc32(piece, crc)
        size += len(piece)
        if size > member.size:
            break
        yield piece
    if (crc, size) != (member.crc, member.size):
        raise _damaged(member)


def _packed(archive: RandomAccess, start: int, size: int) -> Iterator[bytes]:
    while size > 0 and (piece := archive.read(start, min(size, PIECE))):
        start += len(piece)
        size -= len(piece)
        yield piece


def _inflated(packed: Iterator[bytes], member: ZipMember) -> Iterator[bytes]:
    """Yield what one stream of DEFLATE holds, behind which nothing may follow."""
    stream = DEFLATE.decompressor()
    try:
        for piece in packed:
            yield from unpacked_chunk(piece, stream, DEFLATE, PIECE)
            if stream.eof:
                break
    except PackedDataError as error:
        raise _damaged(member) from error
    if not stream.eof or stream.unused_data or next(packed, None):
        raise _damaged(member)


def _damaged(member: ZipMember) -> ArtifactError:
    return ArtifactError.unreadable(f"{member.name[:80]!a} in it is damaged")
