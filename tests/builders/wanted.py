"""Artifacts that locks name, and what a store says of them."""

from __future__ import annotations

import hashlib

from auditor.artifacts import Absent, ArtifactSources, Manifest, ManifestCache, ManifestStore
from auditor.model import Artifact, ArtifactKind
from tests.builders.wheels import wheel

NAME = "demo-1.0-py3-none-any.whl"
CONTENT = wheel({"demo.py": "print('hello')\n"})
OTHER = wheel({"demo.py": "print('other')\n"})


def artifact(content: bytes = CONTENT, *algorithms: str, **changes: object) -> Artifact:
    """Return an entry of a lock for a file with this content, whose path is its name."""
    hashes = {name: hashlib.new(name, content).hexdigest() for name in algorithms or ("sha256",)}
    fields: dict[str, object] = {
        "kind": ArtifactKind.WHEEL,
        "filename": NAME,
        "hashes": hashes,
        "size": len(content),
        "path": NAME,
    }
    return Artifact(**{**fields, **changes})  # type: ignore[arg-type]


def one(
    wanted: Artifact, sources: ArtifactSources, cache: ManifestCache | None = None
) -> Manifest | Absent:
    with ManifestStore(sources, cache) as store:
        (found,) = store.get([wanted])
    return found


def manifest(
    wanted: Artifact, sources: ArtifactSources, cache: ManifestCache | None = None
) -> Manifest:
    found = one(wanted, sources, cache)
    assert isinstance(found, Manifest), found
    return found


def absent(
    wanted: Artifact, sources: ArtifactSources, cache: ManifestCache | None = None
) -> Absent:
    found = one(wanted, sources, cache)
    assert isinstance(found, Absent)
    assert found.artifact is wanted
    return found
