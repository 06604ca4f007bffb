"""Whether bytes are the locked artifact: its size and every hash that the lock lists."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from auditor.artifacts import archive_limits
from auditor.artifacts.manifest import Absence, ArtifactError, kind_of
from auditor.record_rows import ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model import Artifact

_WEAK = frozenset(("md5", "sha1"))


def cache_keys(artifact: Artifact) -> list[str]:
    """Return the names under which an artifact's manifest is kept: its strong hashes, sha256 first.

    What it is read as is a part of them: some bytes are a wheel and a zipped sdist.
    """
    kind = kind_of(artifact.filename).value
    strong = artifact.hashes.keys() & ALGORITHMS - _WEAK
    ordered = sorted(strong, key=lambda name: (name != "sha256", name))
    return [f"{kind}-{name}-{artifact.hashes[name]}" for name in ordered]


class Verifier:
    """Takes an artifact's bytes in as they come, and judges them at the end."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        names = {"sha256", *(ALGORITHMS & artifact.hashes.keys())}
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}
        self.size = 0

    def update(self, piece: bytes) -> None:
        """Take in more bytes; raises `ArtifactError` as soon as there are too many."""
        self.size += len(piece)
        if self._artifact.size is not None and self.size > self._artifact.size:
            raise mismatch(f"{self._artifact.size} bytes", "more than that")
        if self.size > archive_limits.ARTIFACT_BYTES:
            raise ArtifactError.limit(f"it has more than {archive_limits.ARTIFACT_BYTES} bytes")
        for one in self._hashes.values():
            one.update(piece)

    def verified(self) -> dict[str, str]:
        """Return every digest that was computed; raises `ArtifactError` where one is wrong."""
        digests = {name: one.hexdigest() for name, one in self._hashes.items()}
        check(self._artifact, self.size, digests)
        return digests


def check(artifact: Artifact, size: int, digests: Mapping[str, str]) -> None:
    """Compare what an artifact is with what the lock says; raises `ArtifactError`."""
    if artifact.size is not None and size != artifact.size:
        raise mismatch(f"{artifact.size} bytes", f"{size}")
    for name, digest in artifact.hashes.items():
        if digests.get(name, digest) != digest:
            raise mismatch(f"{name} {digest}", digests[name])


def mismatch(expected: str, got: str) -> ArtifactError:
    """Return the error for an artifact that is not what the lock says."""
    return ArtifactError(Absence.MISMATCH, f"the lock says {expected}, it has {got}")
