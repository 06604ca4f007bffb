"""Archives with a manifest.json: `docker save` before 25, `podman save`, `skopeo copy`.

The format has no specification; engines load it by three keys (`Config`, `Layers`,
`RepoTags`). Layers are verified by the DiffIDs of the configuration, or where the archive is
an OCI layout as well, by the digest in their name.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from auditor.errors import ImageError
from auditor.image.documents import diff_ids, document, objects, parsed, platform_of, text, texts
from auditor.image.layout.blob_store import (
    REPULL_HINT,
    LayerDescriptor,
    ResolvedImage,
    blob_digest,
    member_name,
)
from auditor.image.layout.candidates import Candidate, named_candidates, select_candidate

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
    by_configuration = {text(image.get("Config")): image for image in images}
    candidates = {name: Candidate(name) for name in by_configuration}
    for image in images:
        name, tags = text(image.get("Config")), texts(image.get("RepoTags"))
        candidates[name] = Candidate(name, candidates[name].tags.union(tags))
    named = named_candidates(list(candidates.values()), query)
    held = {one.key: _configuration(store, one.key) for one in named}
    name = select_candidate(
        [one._replace(platform=platform_of(held[one.key][1])) for one in named], query
    ).key
    digest, configuration = held[name]
    layers = _layers(by_configuration[name], configuration, name)
    return ResolvedImage(configuration, digest, None, layers)


def _configuration(store: Store, name: str) -> tuple[str, Mapping[str, Any]]:
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
    names = [member_name(layer) for layer in texts(image.get("Layers"))]
    ids = diff_ids(configuration, f"configuration {name}")
    if len(names) != len(ids):
        raise ImageError(
            f"{MANIFEST} lists {len(names)} layers, the configuration {len(ids)}", REPULL_HINT
        )
    return [
        LayerDescriptor(layer, blob or diff_id, by_diff_id=blob is None)
        for layer, blob, diff_id in zip(names, map(blob_digest, names), ids, strict=True)
    ]
