"""Who attested what is installed: asked of the artifact that an installation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from auditor.evidence.proof import is_below
from auditor.model import Attestation, AttestationState, Degree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.model import Artifact, Expectation, Proof


class Attestor(Protocol):
    """Who finds and verifies attestations."""

    def attest(
        self, claims: Sequence[tuple[Artifact, Sequence[Mapping[str, object]]]]
    ) -> Sequence[Attestation]:
        """Tell of each artifact whether one of these identities attested it, in this order."""


def attestations(
    proofs: Mapping[str, Proof], expectation: Expectation, attestor: Attestor
) -> dict[str, Attestation]:
    """Return by name what came of it, for every installation whose lock entry has identities.

    What is not shown to be a locked artifact is not asked about: signatures over other bytes
    than those installed say nothing.
    """
    named = {
        name: (package.attestation_identities, proofs[name])
        for name, package in expectation.packages.items()
        if package.attestation_identities and name in proofs
    }
    claims = {
        name: (proof.artifact, identities)
        for name, (identities, proof) in named.items()
        if proof.artifact is not None and not is_below(proof.degree, Degree.INDEXED)
    }
    given = dict(zip(claims, attestor.attest(list(claims.values())), strict=True))
    other = Attestation(
        AttestationState.UNKNOWN, "what is installed was not shown to be a locked artifact"
    )
    return {name: given.get(name, other) for name in named}
