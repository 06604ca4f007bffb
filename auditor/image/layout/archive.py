"""Image archives: `docker save`, docker-archive and oci-archive, and flat `docker export` tars.

An uncompressed file is read by offsets, its layers in parallel; anything else in one pass from
front to back, in which every layer is indexed as it comes by, whatever the manifest that
follows will say about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image.codec.compression import MAGIC_BYTES, Compression, sniff
from auditor.image.codec.stream import DamagedError, file_chunks
from auditor.image.layers.layer_index_builder import index_layer
from auditor.image.layers.layer_tree import LayerTree
from auditor.image.layout import docker_archive, oci
from auditor.image.layout.archive_members import ArchiveMembers
from auditor.image.layout.archive_stream import StreamStore, export_opener
from auditor.image.layout.assemble import read_image
from auditor.image.layout.blob_store import REPULL_HINT, ImageQuery
from auditor.image.layout.random_access_store import RandomAccessStore
from auditor.image.read_options import ReadOptions
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, NotChecked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from auditor.image.codec.stream import Buffer, Readable
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.layout.archive_stream import Reopen
    from auditor.image.layout.blob_store import ResolvedImage, Store
    from auditor.model import ImageConfig
    from auditor.progress import Progress


def open_archive(path: Path, query: ImageQuery, reading: ReadOptions) -> Image:
    """Read an image archive of this machine; raises `ImageError` or `UsageError`."""
    try:
        with path.open("rb", buffering=0) as file:
            if sniff(file.read(MAGIC_BYTES)) is Compression.PLAIN:
                store = RandomAccessStore(ArchiveMembers(path).locate, reading.workers)
                return read_image(resolve(store, query), store, query.reference, reading)
            file.seek(0)
            return read_archive_stream(file, query, lambda: path.open("rb", buffering=0), reading)
    except OSError as error:
        raise ImageError(f"{query.reference} cannot be read: {error.strerror}") from error


def read_archive_stream(
    stream: Readable,
    query: ImageQuery,
    reopen: Reopen | None = None,
    reading: ReadOptions = ReadOptions(),  # noqa: B008 - a tuple, nothing can change it
) -> Image:
    """Read an image archive that comes once, from front to back.

    `reopen` gives the same stream anew, to be closed; without it, files that the index
    does not keep cannot be read later. Raises `ImageError` or `UsageError`; what the stream
    itself raises passes through.
    """
    chunks = _reported(file_chunks(stream), reading.progress, "image")
    store = _stream_store(chunks, query, reading, reopen)
    # Every layer has been read, or was found in the cache, while the archive passed.
    read = reading._replace(verify=True)
    return read_image(resolve(store, query), store, query.reference, read)


def read_export_stream(
    stream: Readable,
    reference: str,
    config: ImageConfig,
    reopen: Reopen,
    progress: Progress | None = None,
) -> Image:
    """Read one flat tree, as `docker export` writes it: no layers are known."""
    chunks = _reported(file_chunks(stream), progress, "files")
    try:
        index = index_layer(chunks, flat=True)
        tree = LayerTree([index], [export_opener(reopen)], layered=False)
    except DamagedError as error:
        raise ImageError(f"{reference} {error}", REPULL_HINT) from error
    return Image(
        reference=reference,
        config=config,
        rootfs=TreeRootfs(tree),
        not_checked=(NotChecked("layers", "the files came as one flat tree"),),
        problems=tuple(tree.problems),
        files=index.files,
        bytes_read=index.bytes_read,
    )


def layer_openers(stream: Readable, query: ImageQuery, reopen: Reopen) -> list[Opener]:
    """Return what reads each layer of an image in an archive, lowest first; raises `ImageError`."""
    store = _stream_store(file_chunks(stream), query, ReadOptions(), reopen)
    openers = map(store.opener, resolve(store, query).layers)
    return [opener for opener in openers if opener is not None]


def resolve(store: Store, query: ImageQuery) -> ResolvedImage:
    """Find the image that is meant: by index.json where it lists one, else by manifest.json."""
    listed = store.document(oci.INDEX)
    manifest = store.document(docker_archive.MANIFEST)
    if listed is None and manifest is None:
        raise ImageError(
            f"{query.reference} holds no image: neither {oci.INDEX} nor {docker_archive.MANIFEST}",
            "save images with `docker save`, `podman save` or `skopeo copy`; a tar of a file "
            "system (`docker export`) can be unpacked and audited as dir:",
        )
    if manifest is None or oci.holds_images(store):
        return oci.resolve(store, query)
    return docker_archive.resolve(store, query)


def _stream_store(
    chunks: Iterable[Buffer], query: ImageQuery, reading: ReadOptions, reopen: Reopen | None
) -> StreamStore:
    try:
        return StreamStore(chunks, reopen, reading)
    except DamagedError as error:
        raise ImageError(f"{query.reference} {error}", REPULL_HINT) from error


def _reported(chunks: Iterable[Buffer], progress: Progress | None, what: str) -> Iterator[Buffer]:
    done = 0
    for chunk in chunks:
        done += len(chunk)
        if progress is not None:
            progress(what, done, None)
        yield chunk
