"""Archives with a manifest.json: `docker save` before 25, `podman save`, `skopeo copy`.

The format has no specification; engines load it by three keys (`Config`, `Layers`,
`RepoTags`). Layers are verified by the DiffIDs of the configuration, or where the archive is
an OCI layout as well, by the digest in their name.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from auditor.errors import ImageError, UsageError
from auditor.image.documents import (
    diff_ids,
    document,
    objects,
    parsed,
    platform_of,
    text,
    texts,
)
from auditor.image.layout.blob_store import (
    REPULL_HINT,
    LayerDescriptor,
    blob_digest,
    member_name,
)
from auditor.image.layout.resolved_image import ResolvedImage
from auditor.image.platforms import fits, host_platform, parse_platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.image.layout.blob_store import ImageQuery, Store

MANIFEST = "manifest.json"
_CONFIG_NAME = re.compile(r"(?:.*/)?([0-9a-f]{64})(?:\.json)?")
"""Every writer names the configuration by its sha256."""


def resolve(store: Store, query: ImageQuery) -> ResolvedImage:
    """Find the one image in an archive that is meant; raises `ImageError`, `UsageError`."""
    reference = query.reference
    content = store.document(MANIFEST)
    images = objects(parsed(content or b"", MANIFEST))
    if not images:
        raise ImageError(f"{reference}: {MANIFEST} lists no image", REPULL_HINT)
    found = _named(images, query)
    read = {text(image.get("Config")): image for image in found}
    held = {name: _configuration(store, name) for name in read}
    platforms = {name: platform_of(configuration) for name, (_, configuration) in held.items()}
    requested = parse_platform(query.platform) or (host_platform() if len(held) > 1 else None)
    fitting = [name for name in held if requested is None or fits(platforms[name], requested)]
    if not fitting:
        raise UsageError(
            f"{reference} holds no image for {requested}",
            f"choose with --platform: {', '.join(sorted(set(map(str, platforms.values()))))}",
        )
    if len(fitting) > 1:
        raise UsageError(
            f"{reference} holds several images",
            f"add a tag after a colon; it holds: {_names([read[name] for name in fitting])}",
        )
    name = fitting[0]
    digest, configuration = held[name]
    return ResolvedImage(configuration, digest, None, _layers(read[name], configuration, name))


def _named(images: list[Mapping[str, Any]], query: ImageQuery) -> list[Mapping[str, Any]]:
    """Return the images that the tag means, all where there is none."""
    if query.tag is None:
        return images
    found = [image for image in images if _is_named(image, query.tag)]
    if not found:
        raise ImageError(
            f"{query.reference}: no image is called {query.tag!r}",
            f"it holds: {_names(images)}",
        )
    return found


def _is_named(image: Mapping[str, Any], tag: str) -> bool:
    return any(
        name == tag or name.endswith((f"/{tag}", f":{tag}")) or name == f"{tag}:latest"
        for name in texts(image.get("RepoTags"))
    )


def _names(images: list[Mapping[str, Any]]) -> str:
    names = [
        name
        for image in images
        for name in texts(image.get("RepoTags")) or (text(image.get("Config")),)
    ]
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _configuration(store: Store, name: str) -> tuple[str, Mapping[str, Any]]:
    """Return an image's configuration and its digest."""
    content = store.document(member_name(name))
    if content is None:
        raise ImageError(f"configuration {name!r} is missing from the image", REPULL_HINT)
    found = hashlib.sha256(content).hexdigest()
    match = _CONFIG_NAME.fullmatch(name)
    if match is not None and match[1] != found:
        raise ImageError(f"configuration {name} has other bytes than its name says", REPULL_HINT)
    return f"sha256:{found}", document(content, f"configuration {name}")


def _layers(
    image: Mapping[str, Any], configuration: Mapping[str, Any], name: str
) -> list[LayerDescriptor]:
    """Return the layers of an image and how each is verified."""
    names = [member_name(layer) for layer in texts(image.get("Layers"))]
    ids = diff_ids(configuration, f"configuration {name}")
    if len(names) != len(ids):
        raise ImageError(
            f"{MANIFEST} lists {len(names)} layers, the configuration {len(ids)}", REPULL_HINT
        )
    layers = []
    for layer, diff_id in zip(names, ids, strict=True):
        blob = blob_digest(layer)
        layers.append(LayerDescriptor(layer, blob or diff_id, by_diff_id=blob is None))
    return layers
