"""Who attested the artifacts that a lock names: found by a store, verified by an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.attestations import trust, verify
from auditor.artifacts.manifest import Absent
from auditor.http.keyed_cache import KeyedCache
from auditor.model import Attestation, AttestationState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.artifacts.manifest_store import ManifestStore
    from auditor.model import Artifact

    Identities = Sequence[Mapping[str, object]]


class TrustRoot:
    """Sigstore's root of trust, prepared once for all audits of a session."""

    def __init__(self, *, offline: bool) -> None:
        """Renew it from Sigstore's server, unless `offline`."""
        self._offline = offline
        self._problem: KeyedCache[None, str] = KeyedCache()

    def problem(self) -> str:
        """Return why there is none; empty where there is one."""
        return self._problem.get(None, lambda: trust(offline=self._offline))


class Attestor:
    """Finds and verifies the attestations of one lock's artifacts."""

    def __init__(self, store: ManifestStore, trust_root: TrustRoot) -> None:
        """Verify what `store` finds."""
        self._store = store
        self._trust_root = trust_root

    def attest(self, claims: Sequence[tuple[Artifact, Identities]]) -> list[Attestation]:
        """Return for each artifact whether one of its identities attested it, in their order."""
        provenances = self._store.provenances([artifact for artifact, _ in claims])
        some = any(isinstance(each, bytes) for each in provenances)
        problem = self._trust_root.problem() if some else ""
        return [
            _attested(artifact, identities, provenance, problem)
            for (artifact, identities), provenance in zip(claims, provenances, strict=True)
        ]


def _attested(
    artifact: Artifact, identities: Identities, provenance: bytes | Absent, problem: str
) -> Attestation:
    if isinstance(provenance, Absent):
        return Attestation(AttestationState.UNKNOWN, provenance.why)
    sha256 = artifact.hashes.get("sha256")
    if sha256 is None:
        return Attestation(AttestationState.UNKNOWN, "the lock lists no sha256 of it")
    if problem:
        return Attestation(AttestationState.UNKNOWN, problem)
    return verify(artifact.filename, sha256, provenance, identities)
