"""An image archive that comes once, from front to back: every layer is indexed as it passes.

`docker save` writes its manifest last, so what a member is shows only in its first bytes.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.codec import tar
from auditor.image.codec.compression import Compression, decompressed, peek, sniff
from auditor.image.codec.stream import DamagedError, Source, file_chunks
from auditor.image.layers.layer_index_builder import Hashing, index_layer
from auditor.image.layers.layer_request import ImageBudget, layer_error, verify_digest
from auditor.image.layers.layer_tree import Opener
from auditor.image.layout.archive_members import MemberLinks, walk_archive
from auditor.image.layout.blob_store import REPULL_HINT, blob_digest, member_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from auditor.image.codec.stream import Buffer, Closable
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layout.blob_store import LayerDescriptor
    from auditor.image.read_options import ReadOptions
    from auditor.progress import Progress

    Reopen = Callable[[], Closable]


class StreamStore:
    """The files of an archive, taken in while they passed."""

    def __init__(
        self, chunks: Iterable[Buffer], reopen: Reopen | None, reading: ReadOptions
    ) -> None:
        """Read the archive to its end; raises `DamagedError` where it is none."""
        self._reopen = reopen
        self._cache = None if reading.verify else reading.cache
        # DiffIDs of packed layers are what an engine knows them by.
        keyed = reading.verify or reading.cache is not None
        self._diff_id_algorithm = "sha256" if keyed else None
        self._documents: dict[str, bytes] = {}
        self._document_bytes = 0
        self._budget = ImageBudget()
        self._room = limits.TRANSIENT_IMAGE
        self._indexes: dict[str, LayerIndex] = {}
        self._damage: dict[str, str] = {}
        self._links = MemberLinks()
        source = Source(decompressed(chunks)[1], limit=limits.UNLIMITED)
        for member in walk_archive(source):
            self._add(member, source)
        source.drain()

    def _add(self, member: tar.Member, source: Source) -> None:
        name = member_name(member.name)
        for known in (self._documents, self._indexes, self._damage):
            known.pop(name, None)
        self._links.add(member, name)
        if member.flag == tar.FILE:
            head, chunks = peek(source.pieces(member.size), tar.BLOCK)
            if name.endswith(".json") or head.lstrip()[:1] in {b"{", b"["}:
                self._add_document(name, member.size, chunks)
            elif sniff(head) is not Compression.PLAIN or tar.is_header(head):
                self._add_layer(name, chunks)

    def _add_document(self, name: str, size: int, chunks: Iterator[Buffer]) -> None:
        if size > limits.JSON_BYTES or self._document_bytes + size > limits.ARCHIVE_JSON:
            self._damage[name] = f"has {size} bytes, more than the auditor reads"
        else:
            self._document_bytes += size
            self._documents[name] = b"".join(chunks)

    def _add_layer(self, name: str, chunks: Iterator[Buffer]) -> None:
        """Index what looks like a layer; whether it is one of the image's shows later."""
        blob = blob_digest(name)
        known = self._cache.index(blob) if blob and self._cache is not None else None
        try:
            # The bytes of one that is known pass by unread.
            index = self._index(blob, chunks) if known is None else known
            self._budget.add(index)
        except DamagedError as error:
            self._damage[name] = str(error)
        else:
            self._indexes[name] = index

    def _index(self, blob: str | None, chunks: Iterator[Buffer]) -> LayerIndex:
        algorithm = blob.partition(":")[0] if blob else "sha256"
        hashing = Hashing(algorithm, blob is None, self._diff_id_algorithm)
        room = min(self._room, limits.TRANSIENT_LAYER)
        index = index_layer(chunks, hashing, transient_room=room)
        self._room -= sum(map(len, index.transient_contents.values()))
        return index

    def document(self, name: str) -> bytes | None:
        """Return the content of a JSON document."""
        name = self._links.resolve(name)
        if name in self._damage:
            raise ImageError(f"{name} {self._damage[name]}", REPULL_HINT)
        return self._documents.get(name)

    def layers(
        self, descriptors: Sequence[LayerDescriptor], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Return the indexes of layers, verified."""
        del progress  # they are read already
        found: list[tuple[LayerIndex, Opener | None]] = []
        for layer in descriptors:
            name = self._links.resolve(layer.name)
            if name in self._damage:
                raise layer_error(layer.digest, DamagedError(self._damage[name]))
            if name not in self._indexes:
                raise ImageError(f"layer {layer.digest} is missing from the image", layer.hint)
            verify_digest(self._indexes[name], layer.digest)
            found.append((self._indexes[name], self.opener(layer)))
        return found

    def opener(self, layer: LayerDescriptor) -> Opener | None:
        """Return what reads a layer's bytes: None where they came once and for all."""
        if self._reopen is None:
            return None
        return Opener(partial(_member, self._reopen, self._links.resolve(layer.name)))


def export_opener(reopen: Reopen) -> Opener:
    """Return what reads once more the tree that `docker export` writes."""
    return Opener(partial(_stream, reopen))


@contextmanager
def _stream(reopen: Reopen, skip: int) -> Iterator[Iterator[Buffer]]:
    with closing(reopen()) as stream:
        source = Source(file_chunks(stream))
        source.skip(skip)
        yield source.rest()


@contextmanager
def _member(reopen: Reopen, name: str, skip: int) -> Iterator[Iterator[Buffer]]:
    with closing(reopen()) as stream:
        source = Source(decompressed(file_chunks(stream))[1], limit=limits.UNLIMITED)
        for member in tar.walk(source):
            if member.flag == tar.FILE and member_name(member.name) == name:
                source.skip(skip)
                yield source.pieces(member.size - skip)
                return
        raise DamagedError("is gone from the stream")
