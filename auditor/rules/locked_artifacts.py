"""Locked artifacts: not compared with (LI903), not the locked ones (LI907), built (LI902)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Absence
from auditor.evidence import is_below
from auditor.model import ArtifactKind, AttestationState, Degree, FileState, NotChecked
from auditor.policy import declared
from auditor.rules.attestation_rules import attestation_observations
from auditor.rules.files import checked_proofs, relative
from auditor.wording import and_more, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.artifacts.manifest import Absent
    from auditor.model import FileCheck, Observation, Proof
    from auditor.rules.facts import Facts

_MOST_NAMED = 20
"""Built files that one finding names with their digests, or packages."""

_ABSENT = {
    Absence.UNREACHABLE: "could not be fetched",
    Absence.MISMATCH: "does not match the lock",
    Absence.UNREADABLE: "could not be read",
    Absence.LIMIT: "is too large",
    Absence.OFFLINE: "is not cached, and nothing was fetched",
    Absence.UNHASHED: "is locked without a hash",
}

_FINDINGS = (Absence.MISMATCH, Absence.UNREADABLE, Absence.LIMIT)
"""Absences that are findings of other kinds."""


def absent(facts: Facts, *absences: Absence) -> Iterator[tuple[str, Absent]]:
    """Yield the artifacts that are absent for one of these reasons, by package and name."""
    for name, several in facts.absent.items():
        for each in several:
            if each.absence in absences:
                yield name, each


def built_in_image(facts: Facts) -> Iterator[Observation]:
    """LI902: files that were made while the locked sdist was built."""
    for proof in checked_proofs(facts):
        built = [
            check
            for check in proof.files
            if check.state is FileState.BUILT and not _is_pinned(facts, check)
        ]
        if not built:
            continue
        location = proof.distribution.location
        files = (f"{relative(each.path, location)} {each.actual}" for each in built)
        yield facts.about(
            proof.distribution.name,
            f"{plural(len(built), 'file')} built in the image, not in {proof.against}: "
            f"{and_more(files, _MOST_NAMED, '; ')}{_unverified_build(facts, proof)}",
            built[0].path,
        )


def _is_pinned(facts: Facts, check: FileCheck) -> bool:
    """Return whether the policy says which bytes a built file has, and it has them."""
    rootfs = facts.image.rootfs
    elf = rootfs.facts(check.path).elf
    digest = rootfs.digests([check.path]).get(check.path, b"").hex()
    known = (digest, elf.build_id if elf else None)
    entry = declared(facts.policy, [check.path], elf.soname if elf else None, *known)
    return entry is not None and entry.difference(*known) is None


def _unverified_build(facts: Facts, proof: Proof) -> str:
    """Return a clause where only the installation says that it was built: it can be forged."""
    package = facts.expectation.packages.get(proof.distribution.name)
    for each in package.artifacts if package else ():
        if each.kind is ArtifactKind.WHEEL:
            return f"; unverified that it was built, since {each.filename} is locked and fits"
    return ""


def artifact_not_compared(facts: Facts) -> Iterator[Observation]:
    """LI903: an artifact could not be fetched, or there is less evidence than required."""
    reported: set[str] = set()
    for name, each in absent(facts, Absence.UNREACHABLE):
        if _is_unproven(facts.proofs[name]):
            reported.add(name)
            yield facts.about(name, f"{each.artifact.filename} could not be fetched: {each.why}")
    reported |= {name for name, _ in absent(facts, *_FINDINGS)}
    for name, required in facts.required.items():
        proof = facts.proofs.get(name)
        if proof and name not in reported and is_below(proof.degree, required):
            reported.add(name)
            message = f"{required} is required{_shortcoming(facts, proof)}"
            yield facts.about(name, message, expected=required, actual=proof.degree)
    for observation in attestation_observations(facts, AttestationState.UNKNOWN):
        # Without its artifact there was nothing that a signature could be for.
        name = observation.subject
        if name not in reported or not _is_unproven(facts.proofs[name]):
            yield observation


def _is_unproven(proof: Proof) -> bool:
    """Return whether an installation was not shown to be a locked artifact."""
    return is_below(proof.degree, Degree.INDEXED)


def _shortcoming(facts: Facts, proof: Proof) -> str:
    """Return why the evidence is no better: a clause with its comma."""
    absences = facts.absent.get(proof.distribution.name, ())
    if absences:
        return f", but {absences[0].artifact.filename} was not compared: {absences[0].why}"
    against = proof.against or "the installation's own metadata"
    return f", but the comparison with {against} gives only {proof.degree}"


def artifact_not_locked(facts: Facts) -> Iterator[Observation]:
    """LI907: an artifact, or who attested it, does not match the lock."""
    for name, each in absent(facts, Absence.MISMATCH):
        hashes = sorted(each.artifact.hashes.items())
        message = f"{each.artifact.filename} does not match the lock: {each.why}"
        expected = ", ".join(f"{algorithm}:{digest}" for algorithm, digest in hashes)
        yield facts.about(name, message, expected=expected)
    yield from attestation_observations(facts, AttestationState.REFUSED)


def artifacts_not_checked(facts: Facts) -> Iterator[NotChecked]:
    """Yield which installations could only be compared with their own RECORD, and why."""
    locked = [name for name in facts.installed if name in facts.expectation.packages]
    if not facts.compared_artifacts:
        if locked:
            why = "installed files were compared with RECORD, not with the locked artifacts"
            yield NotChecked("artifacts", why)
        return
    for absence in Absence:
        names = [
            name
            for name in locked
            if not facts.proofs[name].against
            and absence in {each.absence for each in facts.absent.get(name, ())[:1]}
        ]
        if names:
            listed = and_more(names, _MOST_NAMED)
            why = f"compared with RECORD, since an artifact {_ABSENT[absence]}: {listed}"
            yield NotChecked("artifacts", why)
