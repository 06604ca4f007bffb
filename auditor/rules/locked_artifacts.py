"""Family 9, its part about locked artifacts: which were not compared with, and what is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Absence
from auditor.evidence import is_below
from auditor.model import ArtifactKind, AttestationState, Degree, FileState, NotChecked, Observation
from auditor.policy import declared
from auditor.rules.attestation_rules import attestation_observations
from auditor.rules.files import judged, lock_line, relative
from auditor.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.artifacts.manifest import Absent
    from auditor.model import FileCheck, Proof
    from auditor.rules.facts import Facts

_NAMED = 20
"""Built files that one finding names with their digests, or packages."""

_ABSENT = {
    Absence.UNREACHABLE: "not to be had",
    Absence.MISMATCH: "not the locked one",
    Absence.UNREADABLE: "not readable",
    Absence.LIMIT: "too large",
    Absence.OFFLINE: "not cached, and nobody was asked",
    Absence.UNHASHED: "locked without a hash",
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
    for proof in judged(facts):
        built = [
            check
            for check in proof.files
            if check.state is FileState.BUILT and not _is_pinned(facts, check)
        ]
        if not built:
            continue
        location = proof.distribution.location
        named = (f"{relative(each.path, location)} {each.actual}" for each in built[:_NAMED])
        more = f"; and {len(built) - _NAMED:,} more" if len(built) > _NAMED else ""
        yield Observation(
            subject=proof.distribution.name,
            message=(
                f"{plural(len(built), 'file')} built in the image, not in {proof.against}: "
                f"{'; '.join(named)}{more}"
                f"{_by_its_word(facts, proof)}"
            ),
            path=built[0].path,
            environment=facts.prefix,
            lock_line=lock_line(facts, proof),
        )


def _is_pinned(facts: Facts, check: FileCheck) -> bool:
    """Return whether the policy says which bytes a built file has, and it has them."""
    rootfs = facts.image.rootfs
    elf = rootfs.elf(check.path)
    digest = rootfs.digests([check.path]).get(check.path, b"").hex()
    known = (digest, elf.build_id if elf else None)
    entry = declared(facts.policy, check.path, elf.soname if elf else None, *known)
    return entry is not None and entry.difference(*known) is None


def _by_its_word(facts: Facts, proof: Proof) -> str:
    """Say where a build from source is only claimed: it could be a forgery."""
    package = facts.expectation.packages.get(proof.distribution.name)
    wheels = (
        [each for each in package.artifacts if each.kind is ArtifactKind.WHEEL] if package else []
    )
    if not wheels:
        return ""
    return f"; that it was built is its own word, {wheels[0].filename} is locked and fits"


def artifact_not_compared(facts: Facts) -> Iterator[Observation]:
    """LI903: an artifact could not be fetched, or less is shown than what is required."""
    told: set[str] = set()
    for name, each in absent(facts, Absence.UNREACHABLE):
        proof = facts.proofs[name]
        if _is_apart(proof):
            told.add(name)
            yield Observation(
                subject=name,
                message=f"{each.artifact.filename} could not be fetched: {each.why}",
                environment=facts.prefix,
                lock_line=lock_line(facts, proof),
            )
    told |= {name for name, _ in absent(facts, *_FINDINGS)}
    for name, required in facts.required.items():
        if name not in facts.proofs or name in told:
            continue
        proof = facts.proofs[name]
        if is_below(proof.degree, required):
            yield Observation(
                subject=name,
                message=f"{required} is required{_shortcoming(facts, proof)}",
                environment=facts.prefix,
                expected=required,
                actual=proof.degree,
                lock_line=lock_line(facts, proof),
            )
            told.add(name)
    for observation in attestation_observations(facts, AttestationState.UNKNOWN):
        # Without its artifact there was nothing that a signature could be for.
        if observation.subject not in told or not _is_apart(facts.proofs[observation.subject]):
            yield observation


def _is_apart(proof: Proof) -> bool:
    """Return whether an installation was not shown to be a locked artifact."""
    return is_below(proof.degree, Degree.INDEXED)


def _shortcoming(facts: Facts, proof: Proof) -> str:
    """Say why the evidence is no better: a clause with its comma."""
    absences = facts.absent.get(proof.distribution.name, ())
    if absences:
        return f", and {absences[0].artifact.filename} was not compared: {absences[0].why}"
    against = proof.against or "RECORD and what else the installation says"
    return f", and the comparison with {against} gives {proof.degree}"


def artifact_not_locked(facts: Facts) -> Iterator[Observation]:
    """LI907: what is found under an artifact's name, or who attested it, is not in the lock."""
    for name, each in absent(facts, Absence.MISMATCH):
        hashes = sorted(each.artifact.hashes.items())
        yield Observation(
            subject=name,
            message=f"{each.artifact.filename} does not verify: {each.why}",
            environment=facts.prefix,
            expected=", ".join(f"{algorithm}:{digest}" for algorithm, digest in hashes),
            lock_line=lock_line(facts, facts.proofs[name]),
        )
    yield from attestation_observations(facts, AttestationState.REFUSED)


def artifacts_not_checked(facts: Facts) -> Iterator[NotChecked]:
    """Say which installations only their own word speaks for."""
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
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            which = f"{', '.join(names[:_NAMED])}{more}"
            why = f"an artifact was {_ABSENT[absence]}, so RECORD was compared with: {which}"
            yield NotChecked("artifacts", why)
