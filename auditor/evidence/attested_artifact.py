"""Who attested what is installed, by the attestations of the artifact that it equals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from auditor.evidence.proof import is_below
from auditor.model import Attestation, AttestationState, Degree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.model import Artifact, Expectation, Proof


class Attestor(Protocol):
    """What finds and verifies attestations."""

    def attest(
        self, claims: Sequence[tuple[Artifact, Sequence[Mapping[str, object]]]]
    ) -> Sequence[Attestation]:
        """Return for each artifact whether one of its identities attested it, in this order."""


def attestations(
    proofs: Mapping[str, Proof], expectation: Expectation, attestor: Attestor
) -> dict[str, Attestation]:
    """Return the outcome by name, for every installation whose lock entry has identities.

    Only what was shown to be a locked artifact is verified: signatures over other bytes than
    the installed ones say nothing.
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
