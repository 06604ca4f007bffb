"""The files of a packed tar archive, hashed while they stream past.

Read by `tarfile` in stream mode, as pip unpacks sdists: nothing is extracted, and what it asks
for is bounded, since a header may claim any size. Links count as the file that they lead to
inside the archive; those that lead elsewhere, and devices, are left out.
"""

from __future__ import annotations

import bz2
import lzma
import posixpath
import struct
import tarfile
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from auditor.artifacts import archive_limits
from auditor.artifacts.manifest import ArtifactError, Member, checked_name
from auditor.artifacts.random_access import PIECE
from auditor.decompression import GZIP, PackedDataError, Packing, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Self

_LINKS = 40
"""Links followed for one path, as Linux does."""

_EXTENDED = frozenset(
    (
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    )
)
"""Headers that `tarfile` reads into memory as a whole."""

_BLOCK = 512
_AS_ONES = bytes(ord("1") if chr(each).isdecimal() else 0 for each in range(256))
_LONG_NUMBER = b"1" * 1000

_DAMAGED: tuple[type[Exception], ...] = (
    tarfile.TarError,
    PackedDataError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RecursionError,
)


def tar_members(file: BinaryIO, packed: int) -> dict[str, Member]:
    """Return the files of a tar archive of `packed` bytes by path; raises `ArtifactError`."""
    budget = archive_limits.Budget(packed)
    found: dict[str, Member] = {}
    links: dict[str, str] = {}
    try:
        stream = cast("BinaryIO", _Unpacked(file, budget))
        # In stream mode it never seeks back, whatever the headers say.
        with tarfile.open(
            fileobj=stream, mode="r|", tarinfo=_Header, encoding="utf-8", errors="surrogateescape"
        ) as archive:
            for info in archive:
                budget.member()
                if len(archive.pax_headers or ()) > archive_limits.TAR_GLOBALS:
                    raise ArtifactError.limit("its extended headers set too much for all members")
                _take(archive, info, found, links)
                archive.members.clear()  # type: ignore[attr-defined] # it keeps every one
    except _DAMAGED as error:
        raise ArtifactError.unreadable("it is not a tar archive, or is damaged") from error
    _add_links(found, links)
    return found


def _take(
    archive: tarfile.TarFile, info: tarfile.TarInfo, found: dict[str, Member], links: dict[str, str]
) -> None:
    """Note one member; of two with one name the later one counts, as when unpacking."""
    path = posixpath.normpath(info.name)
    if info.isdir() and path == ".":
        return
    path = checked_name(path)
    found.pop(path, None)
    links.pop(path, None)
    if info.issym():
        links[path] = posixpath.normpath(posixpath.join(posixpath.dirname(path), info.linkname))
    elif info.islnk():
        target = posixpath.normpath(info.linkname)
        if target in found:
            found[path] = found[target]._replace(path=path)
    elif info.isreg():
        if info.issparse():
            raise ArtifactError.unreadable(f"{path[:80]!a} in it is sparse")
        content = archive.extractfile(info)
        digest, size = sha256(), 0
        while content is not None and (piece := content.read(PIECE)):
            digest.update(piece)
            size += len(piece)
        found[path] = Member(path, digest.digest(), size)


def _add_links(found: dict[str, Member], links: dict[str, str]) -> None:
    """Add the symbolic links that lead to a file in the archive."""
    resolved = {}
    for path in links:
        target = path
        for _ in range(_LINKS):
            if target not in links:
                break
            target = links[target]
        if target in found:
            resolved[path] = found[target]._replace(path=path)
    found.update(resolved)


class _Header(tarfile.TarInfo):
    """A header whose names `tarfile` may hold in memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read one block."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in _EXTENDED and header.size > archive_limits.TAR_READ:
            raise ArtifactError.limit(f"an extended header in it has {header.size} bytes")
        return header

    def _proc_pax(self, tarfile: tarfile.TarFile) -> tarfile.TarInfo:
        """Read an extended header that holds no number of more digits than any real one.

        Before Python 3.11.10 and 3.12.6, `tarfile` looks at each digit for the end of them all
        (CVE-2024-6232): a megabyte of them would take it twenty minutes.
        """
        stream = tarfile.fileobj
        assert stream is not None  # noqa: S101 -- it reads
        header = _Ahead(cast("BinaryIO", stream), stream.read(-(-self.size // _BLOCK) * _BLOCK))
        if _LONG_NUMBER in header.ahead.translate(_AS_ONES):
            raise ArtifactError.limit("an extended header in it has a number without end")
        tarfile.fileobj = cast("BinaryIO", header)
        try:
            return super()._proc_pax(tarfile)  # type: ignore[misc,no-any-return]
        finally:
            tarfile.fileobj = stream


class _Ahead:
    """A stream of which the first bytes were read already."""

    def __init__(self, stream: BinaryIO, ahead: bytes) -> None:
        self.ahead = ahead
        self._stream = stream

    def read(self, size: int) -> bytes:
        """Return what was read, in one piece, then what follows."""
        if self.ahead:
            given, self.ahead = self.ahead[:size], self.ahead[size:]
            return given
        return self._stream.read(size)

    def tell(self) -> int:
        """Return the place of what is read next."""
        return self._stream.tell() - len(self.ahead)


class _Unpacked:
    """A packed stream as `tarfile` reads it, with a limit on every reading."""

    def __init__(self, file: BinaryIO, budget: archive_limits.Budget) -> None:
        self._pieces = _pieces(file)
        self._budget = budget
        self._left = b""

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end."""
        parts = [self._left]
        have = len(self._left)
        while have < size and (piece := next(self._pieces, b"")):
            self._budget.unpacked(len(piece))
            parts.append(piece)
            have += len(piece)
        whole = b"".join(parts)
        self._left = whole[size:]
        return whole[:size]


_PACKINGS = {
    b"\x1f\x8b": GZIP,
    b"BZh": Packing(bz2.BZ2Decompressor, (OSError,)),
    b"\xfd7zXZ\0": Packing(
        lambda: lzma.LZMADecompressor(memlimit=archive_limits.LZMA_MEMORY), (lzma.LZMAError,)
    ),
}
"""By the first bytes."""


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a file holds, unpacked where it is packed."""
    file.seek(0)
    head = file.read(6)
    file.seek(0)
    chunks = iter(lambda: file.read(PIECE), b"")
    packing = next((kind for start, kind in _PACKINGS.items() if head.startswith(start)), None)
    return chunks if packing is None else unpacked(chunks, packing, PIECE)
