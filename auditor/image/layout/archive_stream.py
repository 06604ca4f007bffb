"""An image archive that comes once, from front to back: every layer is indexed as it passes.

`docker save` writes its manifest last, so nothing tells beforehand what a member is; its first
bytes do.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.codec import tar
from auditor.image.codec.compression import Compression, decompressed, peek, sniff
from auditor.image.codec.stream import DamagedError, Source, file_chunks
from auditor.image.layers.index_layer import index_layer
from auditor.image.layers.layer_index import Budget, normalised
from auditor.image.layers.layer_request import damaged, verify
from auditor.image.layout.blob_store import AGAIN, blob_digest, link_target, linked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from auditor.image.codec.stream import Buffer, Closable
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.layout.blob_store import LayerName
    from auditor.image.read_options import ReadOptions
    from auditor.progress import Progress

    Reopen = Callable[[], Closable]

_ENDLESS = 1 << 62
"""Bytes of an archive as a whole; its layers and documents have limits of their own."""


class OnePassStore:
    """The files of an archive, taken in while they passed."""

    def __init__(
        self, chunks: Iterable[Buffer], reopen: Reopen | None, reading: ReadOptions
    ) -> None:
        """Read the archive to its end; raises `DamagedError` where it is none."""
        self._reopen = reopen
        self._cache = None if reading.verify else reading.cache
        # DiffIDs of packed layers are what an engine knows them by.
        self._inner = "sha256" if reading.verify or reading.cache is not None else None
        self._documents: dict[str, bytes] = {}
        self._text = 0
        self._budget = Budget()
        self._room = limits.TRANSIENT_IMAGE
        self._indexes: dict[str, LayerIndex] = {}
        self._damage: dict[str, str] = {}
        self._links: dict[str, str] = {}
        source = Source(decompressed(chunks)[1], limit=_ENDLESS)
        for count, member in enumerate(tar.walk(source)):
            if count >= limits.ARCHIVE_MEMBERS:
                raise DamagedError("has more members than an image archive")
            self._add(member, source)
        source.drain()

    def _add(self, member: tar.Member, source: Source) -> None:
        name = (normalised(member.name) or "/")[1:]
        for known in (self._documents, self._indexes, self._damage, self._links):
            known.pop(name, None)
        if member.flag in {tar.SYMLINK, tar.HARD_LINK}:
            target = link_target(member, name)
            if target is not None:
                self._links[name] = target
        elif member.flag == tar.FILE:
            self._file(name, member.size, source)

    def _file(self, name: str, size: int, source: Source) -> None:
        head, chunks = peek(source.pieces(size), tar.BLOCK)
        if name.endswith(".json") or head.lstrip()[:1] in {b"{", b"["}:
            self._document(name, size, chunks)
        elif sniff(head) is not Compression.PLAIN or tar.is_header(head):
            self._layer(name, chunks)

    def _document(self, name: str, size: int, chunks: Iterator[Buffer]) -> None:
        self._text += size
        if size > limits.JSON_BYTES or self._text > limits.ARCHIVE_JSON:
            self._damage[name] = f"has {size} bytes, more than the auditor reads"
            self._text -= size
        else:
            self._documents[name] = b"".join(chunks)

    def _layer(self, name: str, chunks: Iterator[Buffer]) -> None:
        """Index what looks like a layer; whether it is one of the image's shows later."""
        blob = blob_digest(name)
        algorithm = blob.partition(":")[0] if blob else "sha256"
        known = self._cache.index(blob) if blob and self._cache is not None else None
        try:
            if known is not None:
                index = known  # its bytes pass by unread
            else:
                index = index_layer(
                    chunks,
                    algorithm=algorithm,
                    by_diff_id=blob is None,
                    inner=self._inner,
                    transient_room=min(self._room, limits.TRANSIENT_LAYER),
                )
                self._room -= sum(map(len, index.transient_contents.values()))
            self._budget.admit(index)
        except DamagedError as error:
            self._damage[name] = str(error)
        else:
            self._indexes[name] = index

    def document(self, name: str) -> bytes | None:
        """Return the content of a JSON document."""
        name = linked(name, self._links)
        if name in self._damage:
            raise ImageError(f"{name} {self._damage[name]}", AGAIN)
        return self._documents.get(name)

    def layers(
        self, wanted: Sequence[LayerName], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Return the indexes of layers, verified."""
        del progress  # they are read already
        found: list[tuple[LayerIndex, Opener | None]] = []
        for layer in wanted:
            name = linked(layer.name, self._links)
            if name in self._damage:
                raise damaged(layer.digest, DamagedError(self._damage[name]))
            if name not in self._indexes:
                raise ImageError(f"layer {layer.digest} is missing from the image", layer.hint)
            verify(self._indexes[name], layer.digest)
            found.append((self._indexes[name], self.opener(layer)))
        return found

    def opener(self, layer: LayerName) -> Opener | None:
        """Return what reads a layer's bytes: None where they came once and for all."""
        if self._reopen is None:
            return None
        return _MemberOpener(self._reopen, linked(layer.name, self._links))


class _MemberOpener:
    """Reads one member of the archive once more."""

    passes = limits.STREAM_PASSES

    def __init__(self, reopen: Reopen, name: str) -> None:
        self._reopen = reopen
        self._name = name

    @contextmanager
    def __call__(self, skip: int) -> Iterator[Iterator[Buffer]]:
        """Return the bytes after the first `skip`."""
        with closing(self._reopen()) as stream:
            source = Source(decompressed(file_chunks(stream))[1], limit=_ENDLESS)
            for member in tar.walk(source):
                if (normalised(member.name) or "/")[1:] == self._name and (member.flag == tar.FILE):
                    source.skip(skip)
                    yield source.pieces(member.size - skip)
                    return
            raise DamagedError("is gone from the stream")


class FlatOpener:
    """Reads a stream that is itself a plain tree once more."""

    passes = limits.STREAM_PASSES

    def __init__(self, reopen: Reopen) -> None:
        """Read what `reopen` gives."""
        self._reopen = reopen

    @contextmanager
    def __call__(self, skip: int) -> Iterator[Iterator[Buffer]]:
        """Return the bytes after the first `skip`."""
        with closing(self._reopen()) as stream:
            source = Source(file_chunks(stream))
            source.skip(skip)
            yield source.rest()
