"""Who attested the artifacts that a lock names: found by a store, verified by an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.attestations import trust, verify
from auditor.artifacts.manifest import Absent
from auditor.model import Attestation, AttestationState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.artifacts.manifest_store import ManifestStore
    from auditor.model import Artifact

    Identities = Sequence[Mapping[str, object]]


class Attestor:
    """Finds and verifies the attestations of artifacts."""

    def __init__(self, store: ManifestStore, *, offline: bool) -> None:
        """Ask nobody where `offline`; `store` knows that by itself."""
        self._store = store
        self._offline = offline

    def attest(self, claims: Sequence[tuple[Artifact, Identities]]) -> list[Attestation]:
        """Tell of each artifact whether one of its identities attested it, in the same order."""
        given = self._store.provenances([artifact for artifact, _ in claims])
        some = any(isinstance(each, bytes) for each in given)
        missing = trust(offline=self._offline) if some else ""
        return [
            _attested(artifact, identities, provenance, missing)
            for (artifact, identities), provenance in zip(claims, given, strict=True)
        ]


def _attested(
    artifact: Artifact, identities: Identities, provenance: bytes | Absent, missing: str
) -> Attestation:
    if isinstance(provenance, Absent):
        return Attestation(AttestationState.UNKNOWN, provenance.why)
    sha256 = artifact.hashes.get("sha256")
    if sha256 is None:
        return Attestation(AttestationState.UNKNOWN, "the lock lists no sha256 of it")
    if missing:
        return Attestation(AttestationState.UNKNOWN, missing)
    return verify(artifact.filename, sha256, provenance, identities)
