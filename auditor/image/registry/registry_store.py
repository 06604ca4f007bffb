"""An image of a registry as a layout: manifests are fetched one by one, layers streamed."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import as_completed
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.codec.stream import DamagedError, Source, counted, hashed
from auditor.image.documents import diff_ids, digest, document, objects
from auditor.image.layers.layer_index_builder import Hashing, index_layer
from auditor.image.layers.layer_request import layer_error, verify_digest
from auditor.image.layers.layer_tree import Opener
from auditor.image.layout import oci
from auditor.image.layout.assemble import read_image
from auditor.image.layout.blob_store import ImageQuery, blob_digest
from auditor.image.registry.repository import Repository
from auditor.progress import ByteCounter
from auditor.thread_pool import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from auditor.image.codec.stream import Buffer
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layout.blob_store import LayerDescriptor, ResolvedImage
    from auditor.image.read_options import ReadOptions
    from auditor.image.reference import Access, Reference
    from auditor.model import Image
    from auditor.progress import Progress

AT_ONCE = 4
"""Layers that are read at one time; each costs its index and a chunk of its bytes in memory."""


def open_registry_image(
    reference: Reference, platform: str | None, access: Access, reading: ReadOptions
) -> Image:
    """Read an image of a registry.

    Raises `UsageError` where the reference names none, `ImageError` where its bytes cannot be
    had or are not those that were asked for.
    """
    store, chosen = _resolved(reference, platform, access)
    return read_image(chosen, store, reference.text, reading)


def registry_layers(reference: Reference, platform: str | None, access: Access) -> tuple[str, ...]:
    """Return the DiffIDs of an image of a registry, whose layers are not read.

    Raises what `open_registry_image` does.
    """
    _, chosen = _resolved(reference, platform, access)
    return tuple(diff_ids(chosen.configuration, reference.text))


def _resolved(
    reference: Reference, platform: str | None, access: Access
) -> tuple[RegistryStore, ResolvedImage]:
    store = RegistryStore(Repository(reference.value, access), reference.text)
    query = ImageQuery(reference.text, None, platform)
    return store, oci.resolve(store, query, complete=True)


class RegistryStore:
    """The blobs of one image and its manifests, by the names of a layout."""

    def __init__(self, repository: Repository, reference: str) -> None:
        """Read from `repository` what the user calls `reference`."""
        self._repository = repository
        self._reference = reference
        self._manifests: dict[str, bytes | None] = {}
        """The manifests that an index names, and the content of the one that was asked for."""
        self._sizes: dict[str, int] = {}
        """Bytes of each layer, as its manifest says."""

    def document(self, name: str) -> bytes | None:
        """Return the content of a manifest or configuration."""
        if name == oci.INDEX:
            return self._index()
        blob = blob_digest(name)
        if blob is None:
            return None
        if blob not in self._manifests:
            return self._repository.small_blob(blob)
        content = self._manifests[blob] or self._repository.manifest(blob)
        if content is not None:
            self._note(content)
        return content

    def _index(self) -> bytes:
        """Fetch the image's own manifest; return an index that lists it alone."""
        asked = self._repository.digest or self._repository.tag
        content = self._repository.manifest(asked)
        if content is None:
            raise ImageError(
                f"{self._reference}: the registry has no such image",
                "check repository, tag and digest",
            )
        if document(content, self._reference).get("schemaVersion") == 1:
            raise ImageError(
                f"{self._reference} has a manifest of Docker's first schema, which names no "
                "configuration",
                "push it again with a current engine",
            )
        # By digest, the blob is verified against the one that was asked for like any other.
        name = self._repository.digest or f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._manifests[name] = content
        return json.dumps({"manifests": [{"digest": name}]}).encode()

    def _note(self, content: bytes) -> None:
        """Remember which digests are manifests, and how large layers are."""
        with suppress(ImageError):  # whoever asked for it says what is wrong with it
            manifest = document(content, "manifest")
            for each in objects(manifest.get("manifests")):
                self._manifests.setdefault(digest(each.get("digest"), "index"), None)
            for each in objects(manifest.get("layers")):
                size = each.get("size")
                if isinstance(size, int) and size >= 0:
                    self._sizes[digest(each.get("digest"), "manifest")] = size

    def layers(
        self, descriptors: Sequence[LayerDescriptor], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Index layers while they come, several at a time; the same one twice comes once."""
        different = {layer.digest: layer for layer in descriptors}
        counter = ByteCounter()
        counter.expect(sum(self._sizes.get(name, 0) for name in different))

        def count(size: int) -> None:
            """Report a chunk; not from two threads at a time."""
            if progress is not None:
                with counter.lock:
                    counter.add(size)
                    progress("layers", *counter.so_far())

        with threads(AT_ONCE, "layers") as pool:
            try:
                waiting = {
                    pool.submit(self._read, layer, count): name for name, layer in different.items()
                }
                indexes = {waiting[each]: each.result() for each in as_completed(waiting)}
            except BaseException:
                self._repository.close()
                raise
        return [(indexes[layer.digest], self.opener(layer)) for layer in descriptors]

    def opener(self, layer: LayerDescriptor) -> Opener:
        """Return what fetches a layer once more."""
        return Opener(partial(_fetched, partial(self._blob, layer), layer.digest))

    def _blob(self, layer: LayerDescriptor) -> closing[Generator[bytes]]:
        """Return a layer's bytes, closed at once: an error keeps what is open in its traceback."""
        return closing(self._repository.blob(layer.digest, self._sizes.get(layer.digest)))

    def _read(self, layer: LayerDescriptor, count: Callable[[int], None]) -> LayerIndex:
        """Index one layer and verify it; raises `ImageError`."""
        algorithm = layer.digest.partition(":")[0]
        hashing = Hashing(algorithm, diff_id_algorithm=layer.diff_id_algorithm)
        try:
            with self._blob(layer) as blob:
                index = index_layer(counted(blob, count), hashing)
        except DamagedError as error:
            raise ImageError(layer_error(layer.digest, error).message, layer.hint) from error
        verify_digest(index, layer.digest)
        return index


@contextmanager
def _fetched(
    blob: Callable[[], closing[Generator[bytes]]], digest: str, skip: int
) -> Iterator[Iterator[Buffer]]:
    """Fetch a blob once more, and verify it again, since it may be another one now."""
    algorithm, _, expected = digest.partition(":")
    whole = hashlib.new(algorithm)
    try:
        with blob() as fetched:
            chunks = hashed(fetched, whole)
            source = Source(chunks, limit=limits.UNLIMITED)
            source.skip(skip)
            yield source.rest()
            for _ in chunks:  # the digest is that of all bytes
                pass
    except ImageError as error:
        raise DamagedError(f"cannot be fetched again: {error.message}") from error
    if whole.hexdigest() != expected:
        raise DamagedError("has other bytes than before")
