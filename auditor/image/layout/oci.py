"""OCI image layouts: which image a tag and a platform mean (OCI image-spec image-layout.md)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.errors import ImageError, UsageError
from auditor.image import limits
from auditor.image.documents import (
    digest,
    document,
    mapping,
    objects,
    platform_of,
    text,
)
from auditor.image.layout.blob_store import REPULL_HINT, LayerDescriptor, blob_name
from auditor.image.layout.resolved_image import ResolvedImage
from auditor.image.platforms import fits, host_platform, parse_platform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditor.image.layout.blob_store import ImageQuery, Store
    from auditor.model import Platform

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


class _Candidate(NamedTuple):
    digest: str
    tags: frozenset[str]
    platform: Platform


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
    candidates: dict[str, _Candidate] = {}
    for found in _manifests(store, document(content, INDEX), frozenset(), 0, complete=complete):
        known = candidates.get(found.digest)
        tags = found.tags | known.tags if known else found.tags
        candidates[found.digest] = found._replace(tags=tags)
        if len(candidates) > limits.MANIFESTS:
            raise ImageError(f"{reference} lists too many manifests", REPULL_HINT)
    candidate, others = _select(list(candidates.values()), query)
    return replace(_read(store, candidate.digest), other_platforms=others)


def _manifests(
    store: Store, index: Mapping[str, Any], tags: frozenset[str], depth: int, *, complete: bool
) -> Iterator[_Candidate]:
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
            yield _Candidate(found, own | {found}, platform)
            continue
        manifest = _blob(store, found, required=False)
        if manifest is None:
            # A layout may list platforms that it does not hold (`docker save` does).
            continue
        if "manifests" in manifest:
            yield from _manifests(store, manifest, own | {found}, depth + 1, complete=complete)
            continue
        if not platform.architecture:
            configuration = _configuration(store, manifest, found)
            platform = platform_of(configuration[1])
        yield _Candidate(found, own | {found}, platform)


def _blob(store: Store, blob: str, *, required: bool = True) -> Mapping[str, Any] | None:
    """Read and verify a JSON blob."""
    content = store.document(blob_name(blob))
    if content is None:
        if required:
            raise ImageError(f"blob {blob} is missing from the image", REPULL_HINT)
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


def _select(
    candidates: list[_Candidate], query: ImageQuery
) -> tuple[_Candidate, tuple[Platform, ...]]:
    """Return the one candidate that is meant, and the other platforms of the same image."""
    reference, tag, platform = query.reference, query.tag, parse_platform(query.platform)
    found = named = candidates
    if tag is not None:
        found = [one for one in found if _is_named(one, tag)]
        if not found:
            raise ImageError(
                f"{reference}: no image is called {tag!r}",
                f"it holds: {_names(candidates)}",
            )
        named = found
    if not found:
        raise ImageError(f"{reference} holds no image manifest", REPULL_HINT)
    if len(found) > 1 or platform is not None:
        requested = platform or host_platform()
        fitting = [one for one in found if fits(one.platform, requested)]
        if not fitting:
            raise UsageError(
                f"{reference} holds no image for {requested}",
                f"choose with --platform: {_platforms(found)}",
            )
        found = [one for one in fitting if one.platform == requested] or fitting
    if len(found) > 1:
        raise UsageError(
            f"{reference} holds several images for one platform",
            f"add the tag after a colon; with --platform if need be; it holds: {_names(found)}",
        )
    return found[0], _others(found[0], named)


def _others(selected: _Candidate, candidates: list[_Candidate]) -> tuple[Platform, ...]:
    """Return the other platforms of the selected image, which share a tag or an index with it.

    Without any tag, a layout is one image. Those for another operating system are another
    matter: no lock is for both.
    """
    nameless = not any(_tags(one) for one in candidates)
    return tuple(
        sorted(
            {
                one.platform
                for one in candidates
                if one.platform != selected.platform
                and one.platform.os == selected.platform.os
                and one.platform.architecture
                and (nameless or one.tags & selected.tags)
            }
        )
    )


def _tags(candidate: _Candidate) -> list[str]:
    """Return the tags that are names: the others are digests."""
    return sorted(name for name in candidate.tags if not name.startswith("sha"))


def _is_named(candidate: _Candidate, tag: str) -> bool:
    tag = tag.removeprefix("@")
    return tag in candidate.tags or any(
        name.endswith((f"/{tag}", f":{tag}")) for name in _tags(candidate)
    )


def _names(candidates: list[_Candidate]) -> str:
    names = sorted(name for one in candidates for name in _tags(one))
    names = names or sorted(one.digest for one in candidates)
    return ", ".join(dict.fromkeys(names[:20])) + (", ..." if len(names) > 20 else "")


def _platforms(candidates: list[_Candidate]) -> str:
    return ", ".join(sorted({str(one.platform) or "unknown" for one in candidates})[:20])


def _read(store: Store, name: str) -> ResolvedImage:
    """Read the manifest of one image."""
    manifest = _blob(store, name) or {}
    config_digest, configuration = _configuration(store, manifest, name)
    layers = []
    for descriptor in objects(manifest.get("layers")):
        blob = digest(descriptor.get("digest"), f"manifest {name}")
        media_type = text(descriptor.get("mediaType"))
        restricted = any(part in media_type for part in _RESTRICTED)
        hint = (
            f"it is a layer that may not be redistributed ({media_type}): save the image "
            "from an engine that holds it"
            if restricted
            else REPULL_HINT
        )
        layers.append(LayerDescriptor(blob_name(blob), blob, by_diff_id=False, hint=hint))
    return ResolvedImage(configuration, config_digest, name, layers)
