"""Attestations: which were refused, which are unknown, and which were not verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.attestations import shown_identity
from auditor.model import AttestationState, NotChecked
from auditor.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Observation
    from auditor.rules.facts import Facts


def attestation_observations(facts: Facts, attested: AttestationState) -> Iterator[Observation]:
    """Yield one observation for each package whose attestation is in this state."""
    for name, found in (facts.attested or {}).items():
        if found.attested is not attested:
            continue
        proof = facts.proofs[name]
        identities = facts.expectation.packages[name].attestation_identities
        artifact = "" if proof.artifact is None else f" of {proof.artifact.filename}"
        verb = "refused" if attested is AttestationState.REFUSED else "not verified"
        yield facts.about(
            name,
            f"the attestations{artifact} were {verb}: {found.why}",
            expected=" or ".join(shown_identity(each) for each in identities),
            actual=found.found,
        )


def attestations_not_checked(facts: Facts) -> Iterator[NotChecked]:
    """Yield that attestations were not verified, or that the lock asks for none."""
    packages = facts.expectation.packages.values()
    named = sum(bool(package.attestation_identities) for package in packages)
    if facts.attested is None and named:
        why = f"the identities that the lock names for {plural(named, 'package')} were not verified"
        yield NotChecked("attestations", why)
    if facts.attested is not None and not named:
        yield NotChecked("attestations", "the lock names no identities to verify")
