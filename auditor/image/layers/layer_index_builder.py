"""One layer, read once from its first to its last byte, becomes an index."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from auditor.image import limits
from auditor.image.codec import tar
from auditor.image.codec.compression import Compression, decompressed
from auditor.image.codec.elf import MAGIC, read_bytes
from auditor.image.codec.elf_stream import StreamingElfReader
from auditor.image.codec.stream import DamagedError, Source, hashed
from auditor.image.codec.version_strings import Search, probe_for
from auditor.image.layers.layer_index import DIGEST_BYTES, LayerIndex
from auditor.image.layers.retention import is_kept, may_be_script, references_dlopen
from auditor.model import BYTECODE_HEADER_BYTES, FileType, Problem

if TYPE_CHECKING:
    from _hashlib import HASH
    from collections.abc import Iterable

    from auditor.image.codec.stream import Buffer
    from auditor.image.codec.version_strings import Mark
    from auditor.model import Elf

_PYTHON = (".py", ".pyc")
_NO_DIGEST = bytes(DIGEST_BYTES)
_EMPTY = hashlib.sha256(b"").digest()
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_AUFS = ".wh..wh."
"""Names that aufs used for itself; engines drop them."""


class Hashing(NamedTuple):
    """Which digests are computed while a layer is read."""

    algorithm: str = "sha256"
    """Of `LayerIndex.digest`."""
    by_diff_id: bool = False
    """That digest is over the uncompressed bytes, not over those that come."""
    diff_id_algorithm: str | None = None
    """By this, the uncompressed bytes of a packed layer are hashed as well."""


def index_layer(
    chunks: Iterable[Buffer],
    hashing: Hashing = Hashing(),  # noqa: B008 - a tuple, nothing can change it
    *,
    flat: bool = False,
    transient_room: int = 0,
) -> LayerIndex:
    """Read one layer from its first to its last byte; its digests are for the caller to compare.

    `flat` reads the tree of an exported container: `.wh.` is a name like any other there, and
    since no digest is known, the end-of-archive block has to be there. Python files of at most
    `transient_room` bytes together are held in memory.
    Raises `DamagedError` where the layer is no readable archive or goes over a limit.
    """
    whole = hashlib.new(hashing.algorithm)
    unpacked: HASH | None = None
    if hashing.by_diff_id:
        compression, plain = decompressed(chunks)
        plain = hashed(plain, whole)
    else:
        compression, plain = decompressed(hashed(chunks, whole))
    if hashing.by_diff_id or compression is Compression.PLAIN:
        unpacked = whole
    elif hashing.diff_id_algorithm is not None:
        unpacked = hashlib.new(hashing.diff_id_algorithm)
        plain = hashed(plain, unpacked)
    source = Source(plain)
    builder = _Builder(whiteouts=not flat, transient_room=transient_room)
    for member in tar.walk(source, trailer=flat):
        builder.add(member, source)
    source.drain()
    index = builder.finish()
    index.compression = compression
    index.size = source.position
    index.digest = f"{whole.name}:{whole.hexdigest()}"
    index.diff_id = f"{unpacked.name}:{unpacked.hexdigest()}" if unpacked else ""
    return index


class _Builder:
    def __init__(self, *, whiteouts: bool, transient_room: int) -> None:
        self._index = LayerIndex()
        self._room = transient_room
        self._whiteouts = whiteouts
        self._kept = 0
        self._unlisted = 0

    def add(self, member: tar.Member, source: Source) -> None:
        """Take in one member, reading its content."""
        index = self._index
        path = self._path_of(member)
        if path is None:
            return
        folder, _, name = path.rpartition("/")
        if self._whiteouts and _WHITEOUT in path and self._is_whiteout(path, folder, name):
            return
        index.path_bytes += len(path) + len(member.link)
        if len(index.paths) >= limits.LAYER_ENTRIES or index.path_bytes > limits.TREE_BYTES:
            raise DamagedError("holds more files than the auditor reads")
        match member.flag:
            case tar.FILE:
                self._row(path, FileType.FILE, member.mode, member.size, member.offset)
                index.mtimes[-1] = member.mtime & 0xFFFFFFFF
                self._content(member, source, folder, name)
            case tar.DIRECTORY:
                self._row(path, FileType.DIRECTORY, member.mode)
            case tar.SYMLINK:
                index.targets[len(index.paths)] = member.link
                self._row(path, FileType.SYMLINK, member.mode)
            case tar.HARD_LINK:
                self._hard_link(path, member)
            case _:
                self._row(path, FileType.OTHER, member.mode)

    def finish(self) -> LayerIndex:
        """Return the finished index."""
        if self._unlisted:
            self._index.problems.append(
                Problem("layer", f"{self._unlisted} more members could not be applied")
            )
        return self._index

    def _path_of(self, member: tar.Member) -> str | None:
        """Return where the member belongs; None, and a problem, where it cannot belong."""
        name = member.name
        path = tar.absolute_path(name)
        if path is None:
            self._problem(name, "leads out of the root and was not applied")
        elif "\0" in name or "\0" in member.link:
            self._problem(name, "has a zero byte in its name and was not applied")
        elif len(path) > limits.PATH_BYTES or len(member.link) > limits.PATH_BYTES:
            self._problem(name[:100], "has a path longer than 4096 bytes", limit=True)
        elif member.flag not in tar.KNOWN:
            flag = member.flag.decode("ascii", "backslashreplace")
            self._problem(name, f"is of the unknown type {flag!r} and was not applied")
        elif path == "/" and member.flag != tar.DIRECTORY:
            self._problem(name, "would replace the root and was not applied")
        else:
            return path
        return None

    def _problem(self, subject: str, why: str, *, limit: bool = False) -> None:
        if len(self._index.problems) < limits.PROBLEMS:
            self._index.problems.append(Problem(subject, why, limit=limit))
        else:
            self._unlisted += 1

    def _is_whiteout(self, path: str, folder: str, name: str) -> bool:
        """Note a whiteout; return whether the member is none of the tree's.

        OCI image-spec, layer.md.
        """
        if name == _OPAQUE:
            self._index.opaques.append(folder or "/")
        elif name.startswith(_AUFS):
            pass
        elif name.startswith(_WHITEOUT):
            hidden = name.removeprefix(_WHITEOUT)
            if hidden in {"", ".", ".."}:
                self._problem(path, "is a whiteout that names no file and was not applied")
            else:
                self._index.whiteouts.append(f"{folder}/{hidden}")
        elif f"/{_WHITEOUT}" in folder:
            if f"/{_AUFS}" not in folder:
                self._problem(path, "lies below a whiteout and was not applied")
        else:
            return False
        return True

    def _row(self, path: str, kind: FileType, mode: int, size: int = 0, offset: int = 0) -> None:
        index = self._index
        index.paths.append(path)
        index.kinds.append(kind)
        index.modes.append(mode)
        index.sizes.append(size)
        index.offsets.append(offset)
        index.mtimes.append(0)
        index.digests += _NO_DIGEST

    def _hard_link(self, path: str, member: tar.Member) -> None:
        """Note a hard link: what its target is when it is made shows when layers are merged."""
        target = tar.absolute_path(member.link)
        if target is None:
            self._problem(member.name, "is a hard link out of the root and was not applied")
            return
        self._index.links[len(self._index.paths)] = target
        self._row(path, FileType.FILE, member.mode)

    def _content(self, member: tar.Member, source: Source, folder: str, name: str) -> None:
        """Hash the content of the row just added, and keep what is worth keeping of it."""
        index = self._index
        size, offset = member.size, member.offset
        if member.sparse:
            index.unreadable[offset] = "is a sparse member of its layer, which is not read"
            self._problem(member.name, index.unreadable[offset])
            return
        script = may_be_script(folder, name, size)
        python = name.endswith(".py") and size <= limits.KEPT_FILE
        kept = script or python or is_kept(folder, name, size)
        transient = self._room > 0 and name.endswith(_PYTHON)
        found = _read(source, size, probe_for(name), keep=kept or transient)
        index.digests[-DIGEST_BYTES:] = found.sha256
        if found.versions:
            index.versions[offset] = found.versions
        if name.endswith(".pyc"):
            index.bytecode[offset] = found.head
        if transient:
            self._hold(offset, found.content)
        index.files += 1
        index.bytes_read += size
        if found.elf is not None:
            index.elf[offset] = found.elf
        if python and references_dlopen(name, found.content):
            index.dlopen_sources.add(offset)
        elif python:
            kept = script or is_kept(folder, name, size)
        if kept and not (script and found.elf) and self._kept + size <= limits.KEPT_LAYER:
            self._kept += size
            index.contents[offset] = found.content

    def _hold(self, offset: int, content: bytes) -> None:
        """Hold a content while there is room; a layer with too many would need another reading."""
        self._room -= len(content)
        if self._room > 0:
            self._index.transient_contents[offset] = content
        else:
            self._index.transient_contents.clear()


class _Content(NamedTuple):
    """What was found in one file while it was read."""

    sha256: bytes
    elf: Elf | None
    content: bytes
    """Empty where it is not kept."""
    head: bytes
    versions: tuple[str, ...] = ()


def _read(source: Source, size: int, marks: tuple[Mark, ...] | None, *, keep: bool) -> _Content:
    """Read the content of one file: nearly always a small one in one chunk."""
    piece = source.whole(size)
    if piece is not None and marks is None:
        return _Content(
            hashlib.sha256(piece).digest() if size else _EMPTY,
            read_bytes(piece) if piece[:4] == MAGIC else None,
            bytes(piece) if keep else b"",
            bytes(piece[:BYTECODE_HEADER_BYTES]),
        )
    whole = hashlib.sha256()
    reader = StreamingElfReader()
    search = Search(marks or ())
    parts: list[bytes] = []
    head = b""
    for part in source.pieces(size) if piece is None else (piece,):
        head += bytes(part[: BYTECODE_HEADER_BYTES - len(head)])
        whole.update(part)
        reader.feed(part)
        if keep:
            parts.append(bytes(part))
        if marks is not None:
            search.feed(part)
    return _Content(whole.digest(), reader.facts(), b"".join(parts), head, search.result())
