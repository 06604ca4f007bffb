"""Image archives: `docker save`, docker-archive and oci-archive, and flat `docker export` tars.

An uncompressed file is read by offsets, its layers in parallel; anything else in one pass from
front to back, in which every layer is indexed as it comes by, whatever the manifest that
follows will say about it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.codec import tar
from auditor.image.codec.compression import MAGIC_BYTES, Compression, sniff
from auditor.image.codec.stream import DamagedError, Source, file_chunks
from auditor.image.layers.index_layer import index_layer
from auditor.image.layers.layer_index import normalised
from auditor.image.layers.layer_request import Span
from auditor.image.layers.layer_tree import LayerTree
from auditor.image.layout import docker_archive, oci
from auditor.image.layout.archive_stream import FlatOpener, OnePassStore
from auditor.image.layout.assemble import assemble
from auditor.image.layout.blob_store import AGAIN, ImageQuery, SpanStore, link_target, linked
from auditor.image.read_options import ReadOptions
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, NotChecked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from auditor.image.codec.stream import Buffer, Readable
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.layout.archive_stream import Reopen
    from auditor.image.layout.assemble import ResolvedImage
    from auditor.image.layout.blob_store import Store
    from auditor.model import ImageConfig
    from auditor.progress import Progress

_SEEK_CHUNK = 64 * 1024
"""Bytes read at each header while jumping: most documents lie within them."""


def open_archive(path: Path, wanted: ImageQuery, reading: ReadOptions) -> Image:
    """Read an image archive of the host; raises `ImageError` or `UsageError`."""
    try:
        with path.open("rb", buffering=0) as file:
            if sniff(file.read(MAGIC_BYTES)) is Compression.PLAIN:
                store: Store = SpanStore(_Members(path).locate)
                return assemble(choose(store, wanted), store, wanted.reference, reading)
            file.seek(0)
            return _from_stream(file, wanted, reading, lambda: path.open("rb", buffering=0))
    except OSError as error:
        raise ImageError(f"{wanted.reference} cannot be read: {error.strerror}") from error


def read_archive_stream(
    stream: Readable,
    *,
    reference: str,
    platform: str | None = None,
    reading: ReadOptions = ReadOptions(),  # noqa: B008 - a tuple, nothing can change it
    reopen: Reopen | None = None,
) -> Image:
    """Read an image archive that comes once, from front to back.

    `reopen` gives the same stream anew, to be closed; without it, files that the index
    does not keep cannot be read later. Raises `ImageError` or `UsageError`; what the stream
    itself raises passes through.
    """
    return _from_stream(stream, ImageQuery(reference, None, platform), reading, reopen)


def read_flat_stream(  # noqa: PLR0913 - by name alone, and two have a default
    stream: Readable,
    *,
    reference: str,
    config: ImageConfig,
    digest: str | None,
    progress: Progress | None = None,
    reopen: Reopen | None = None,
) -> Image:
    """Read one flat tree, as `docker export` gives it: no layers are known."""
    chunks = _told(file_chunks(stream), progress, "files")
    try:
        index = index_layer(chunks, whiteouts=False, trailer=True)
        openers = [None if reopen is None else FlatOpener(reopen)]
        tree = LayerTree([index], openers, layered=False)
    except DamagedError as error:
        raise ImageError(f"{reference} {error}", AGAIN) from error
    return Image(
        reference=reference,
        digest=digest,
        manifest_digest=None,
        config=config,
        layers=(),
        rootfs=TreeRootfs(tree),
        not_checked=(NotChecked("layers", "the files came as one flat tree"),),
        problems=tuple(tree.problems),
        files=index.files,
        bytes_read=index.bytes_read,
    )


def late_openers(stream: Readable, wanted: ImageQuery, reopen: Reopen) -> list[Opener | None]:
    """Find the layers of an image in an archive; give what reads each, lowest first.

    Raises `ImageError`.
    """
    try:
        store = OnePassStore(file_chunks(stream), reopen, ReadOptions())
    except DamagedError as error:
        raise ImageError(f"{wanted.reference} {error}", AGAIN) from error
    return [store.opener(layer) for layer in choose(store, wanted).layers]


def choose(store: Store, wanted: ImageQuery) -> ResolvedImage:
    """Find the image that is meant: by index.json where it lists one, else by manifest.json."""
    listed = store.document(oci.INDEX)
    manifest = store.document(docker_archive.MANIFEST)
    if listed is None and manifest is None:
        raise ImageError(
            f"{wanted.reference} holds no image: neither {oci.INDEX} nor {docker_archive.MANIFEST}",
            "save images with `docker save`, `podman save` or `skopeo copy`; a tar of a file "
            "system (`docker export`) can be unpacked and audited as dir:",
        )
    if manifest is None or oci.holds_images(store):
        return oci.choose(store, wanted)
    return docker_archive.choose(store, wanted)


def _told(chunks: Iterable[Buffer], progress: Progress | None, what: str) -> Iterator[Buffer]:
    done = 0
    for chunk in chunks:
        done += len(chunk)
        if progress is not None:
            progress(what, done, None)
        yield chunk


class _Members:
    """The members of an uncompressed archive, found by jumping from header to header."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._spans: dict[str, Span] = {}
        self._links: dict[str, str] = {}
        with path.open("rb", buffering=0) as file:
            chunks = iter(lambda: file.read(_SEEK_CHUNK), b"")
            source = Source(chunks, limit=1 << 62, seek=lambda size: _jump(file, size))
            try:
                for count, member in enumerate(tar.walk(source)):
                    self._add(member, count)
            except DamagedError as error:
                raise ImageError(f"{path} {error}", AGAIN) from error

    def _add(self, member: tar.Member, count: int) -> None:
        if count >= limits.ARCHIVE_MEMBERS:
            raise DamagedError("has more members than an image archive")
        name = (normalised(member.name) or "/")[1:]
        self._links.pop(name, None)
        if member.flag == tar.FILE:
            self._spans[name] = Span(self._path, member.offset, member.size)
        elif member.flag in {tar.SYMLINK, tar.HARD_LINK}:
            target = link_target(member, name)
            if target is not None:
                self._links[name] = target

    def locate(self, name: str) -> Span | None:
        """Find a member."""
        return self._spans.get(linked(name, self._links))


def _jump(file: BinaryIO, size: int) -> None:
    file.seek(size, os.SEEK_CUR)


def _from_stream(
    stream: Readable, wanted: ImageQuery, reading: ReadOptions, reopen: Reopen | None
) -> Image:
    chunks = _told(file_chunks(stream), reading.progress, "image")
    try:
        store = OnePassStore(chunks, reopen, reading)
    except DamagedError as error:
        raise ImageError(f"{wanted.reference} {error}", AGAIN) from error
    # Every layer has been read, or was found in the cache, while the archive passed.
    read = reading._replace(verify=True)
    return assemble(choose(store, wanted), store, wanted.reference, read)
