"""OCI image layouts: indexes, manifests and blobs (OCI image-spec image-layout.md)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.codec.stream import FileRange
from auditor.image.documents import digest, document, mapping, objects, platform_of, text
from auditor.image.layout.assemble import read_image
from auditor.image.layout.blob_store import REPULL_HINT, LayerDescriptor, ResolvedImage, blob_name
from auditor.image.layout.candidates import Candidate, named_candidates, select_candidate
from auditor.image.layout.random_access_store import RandomAccessStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from auditor.image.layers.worker_pool import LayerWorkers
    from auditor.image.layout.blob_store import ImageQuery, Store
    from auditor.image.read_options import ReadOptions
    from auditor.model import Image, Platform

INDEX = "index.json"
_TAG_KEYS = ("org.opencontainers.image.ref.name", "io.containerd.image.name")
"""Annotations that name an image in a layout."""
_ATTESTATION = "vnd.docker.reference.type"
_RESTRICTED = ("foreign", "nondistributable")
"""Parts of the media types of layers that may not be redistributed."""

_IMAGES = frozenset(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""Media types of the manifests of single images."""


def open_layout(path: Path, query: ImageQuery, reading: ReadOptions) -> Image:
    """Read an image of a layout directory (`oci:`); raises `ImageError` or `UsageError`."""
    store = layout_store(path, query, reading.workers)
    try:
        return read_image(resolve(store, query), store, query.reference, reading)
    except OSError as error:
        raise ImageError(f"{query.reference} cannot be read: {error.strerror}") from error


def layout_store(
    path: Path, query: ImageQuery, workers: Callable[[], LayerWorkers] | None = None
) -> RandomAccessStore:
    """Return the files of a layout directory; raises `ImageError` where there is none."""
    if not path.is_dir():
        raise ImageError(f"{query.reference}: there is no directory {path}", "check the path")

    def locate(name: str) -> FileRange | None:
        file = path / name
        return FileRange(str(file), 0, file.stat().st_size) if file.is_file() else None

    return RandomAccessStore(locate, workers)


def holds_images(store: Store) -> bool:
    """Return whether there is an index.json that leads to an image: engines have written others."""
    content = store.document(INDEX)
    if content is None:
        return False
    return any(_manifests(store, document(content, INDEX), frozenset(), 0, complete=False))


def resolve(store: Store, query: ImageQuery, *, complete: bool = False) -> ResolvedImage:
    """Find the one image in a layout that is meant.

    A single image manifest is that one; of several, the one of the query's platform, or of this
    machine's. A layout may list platforms that it does not hold; `complete` says that the store
    holds them all, so that only the resolved manifest need be read.
    Raises `ImageError` where the layout is damaged, `UsageError` where the query fits no single
    image.
    """
    reference = query.reference
    content = store.document(INDEX)
    if content is None:
        raise ImageError(f"{reference} has no {INDEX}", REPULL_HINT)
    candidates: dict[str, Candidate] = {}
    for found in _manifests(store, document(content, INDEX), frozenset(), 0, complete=complete):
        known = candidates.get(found.key, found)
        candidates[found.key] = found._replace(tags=found.tags | known.tags)
        if len(candidates) > limits.MANIFESTS:
            raise ImageError(f"{reference} lists too many manifests", REPULL_HINT)
    if not candidates:
        raise ImageError(f"{reference} holds no image manifest", REPULL_HINT)
    named = named_candidates(list(candidates.values()), query)
    selected = select_candidate(named, query)
    return replace(_read(store, selected.key), other_platforms=_others(selected, named))


def _manifests(
    store: Store, index: Mapping[str, Any], tags: frozenset[str], depth: int, *, complete: bool
) -> Iterator[Candidate]:
    """Yield every image manifest of an index and of the indexes in it."""
    if depth > limits.INDEX_DEPTH:
        raise ImageError("the image index is nested too deeply", REPULL_HINT)
    for descriptor in objects(index.get("manifests")):
        notes = mapping(descriptor.get("annotations"))
        if text(notes.get(_ATTESTATION)):
            continue
        own = tags | {name for key in _TAG_KEYS if (name := text(notes.get(key)))}
        found = digest(descriptor.get("digest"), "an image index")
        platform = platform_of(mapping(descriptor.get("platform")))
        if platform.os == platform.architecture == "unknown":
            continue
        if complete and platform.architecture and text(descriptor.get("mediaType")) in _IMAGES:
            yield Candidate(found, own | {found}, platform)
            continue
        manifest = _blob(store, found, required=False)
        if manifest is None:
            # A layout may list platforms that it does not hold (`docker save` does).
            continue
        if "manifests" in manifest:
            yield from _manifests(store, manifest, own | {found}, depth + 1, complete=complete)
            continue
        if not platform.architecture:
            platform = platform_of(_configuration(store, manifest, found)[1])
        yield Candidate(found, own | {found}, platform)


def _blob(store: Store, blob: str, *, required: bool = True) -> Mapping[str, Any] | None:
    content = store.document(blob_name(blob))
    if content is None and required:
        raise ImageError(f"blob {blob} is missing from the image", REPULL_HINT)
    if content is None:
        return None
    algorithm, _, expected = blob.partition(":")
    if hashlib.new(algorithm, content).hexdigest() != expected:
        raise ImageError(f"blob {blob} has other bytes than its digest says", REPULL_HINT)
    return document(content, f"blob {blob}")


def _configuration(
    store: Store, manifest: Mapping[str, Any], name: str
) -> tuple[str, Mapping[str, Any]]:
    """Return an image's configuration and its digest."""
    blob = digest(mapping(manifest.get("config")).get("digest"), f"manifest {name}")
    return blob, _blob(store, blob) or {}


def _others(selected: Candidate, candidates: Sequence[Candidate]) -> tuple[Platform, ...]:
    """Return the other platforms of the selected image, which share a tag or an index with it.

    Without any tag, a layout is one image. Those for another operating system are another
    matter: no lock is for both.
    """
    nameless = not any(one.names() for one in candidates)
    found = {one.platform for one in candidates if nameless or one.tags & selected.tags}
    return tuple(
        sorted(
            each
            for each in found - {selected.platform}
            if each.os == selected.platform.os and each.architecture
        )
    )


def _read(store: Store, name: str) -> ResolvedImage:
    manifest = _blob(store, name) or {}
    config_digest, configuration = _configuration(store, manifest, name)
    layers = []
    for descriptor in objects(manifest.get("layers")):
        blob = digest(descriptor.get("digest"), f"manifest {name}")
        media_type, hint = text(descriptor.get("mediaType")), REPULL_HINT
        if any(part in media_type for part in _RESTRICTED):
            hint = (
                f"it is a layer that may not be redistributed ({media_type}): save the image "
                "from an engine that holds it"
            )
        layers.append(LayerDescriptor(blob_name(blob), blob, by_diff_id=False, hint=hint))
    return ResolvedImage(configuration, config_digest, name, layers)
