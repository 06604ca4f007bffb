"""From observations to a report: kinds stamped, layers blamed, policy applied, verdict drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.catalogue import KINDS, NOT_CHECKED
from auditor.model import (
    AttestationState,
    Checked,
    Degree,
    FileState,
    Finding,
    Image,
    Layer,
    LockSummary,
    NotChecked,
    Observation,
    OwnerKind,
    PackageRow,
    Policy,
    PolicyNote,
    Proof,
    Report,
    Severity,
    Verdict,
)
from auditor.report.fingerprint import fingerprints
from auditor.report.ignores import idle_entries, set_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from auditor.rules import Facts

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class RuleResults:
    """What the runner hands over: observations by code, and what was left out."""

    observations: Mapping[str, tuple[Observation, ...]]
    not_checked: tuple[NotChecked, ...]
    policy_notes: tuple[PolicyNote, ...] = ()
    """What the stages noticed about the policy, beside its ignores."""
    mode: str = "full"
    """As in `Report`."""


def build_report(
    facts: Facts, judged: RuleResults, lock: LockSummary, fail_on: Severity | None
) -> Report:
    """Return the report of one audit, everything in it sorted."""
    policy = facts.policy
    found = _findings(facts.image, judged.observations, policy)
    findings = set_aside(policy, found)
    idle = idle_entries(policy, found, judged.observations)
    return Report(
        verdict=verdict(findings, fail_on or Severity.WARNING),
        mode=judged.mode,
        image=facts.image,
        lock=lock,
        environments=facts.inventory.environments,
        packages=tuple(_package_rows(facts)),
        findings=findings,
        checked=_checked(facts),
        not_checked=tuple(sorted(judged.not_checked, key=lambda each: (each.what, each.why))),
        policy_notes=tuple(sorted((*idle, *judged.policy_notes), key=lambda note: note.line or 0)),
    )


def verdict(findings: Iterable[Finding], fail_on: Severity) -> Verdict:
    """Draw the verdict: drift beats incomplete, ignored findings do not count."""
    counted = [
        finding
        for finding in findings
        if finding.ignored is None and _RANK[finding.severity] <= _RANK[fail_on]
    ]
    if any(KINDS[finding.code].family != NOT_CHECKED for finding in counted):
        return Verdict.DRIFT
    return Verdict.INCOMPLETE if counted else Verdict.CONSISTENT


def _findings(
    image: Image, observations: Mapping[str, tuple[Observation, ...]], policy: Policy
) -> tuple[Finding, ...]:
    flat = sorted(
        ((code, each) for code, several in observations.items() for each in several),
        key=lambda pair: (pair[0], pair[1].subject, pair[1].path or "", pair[1].message),
    )
    found = [
        _finding(image, code, observation, fingerprint, policy)
        for (code, observation), fingerprint in zip(flat, fingerprints(flat), strict=True)
    ]
    return tuple(sorted(found, key=lambda finding: (_RANK[finding.severity], finding.code)))


def _finding(
    image: Image, code: str, observation: Observation, fingerprint: str, policy: Policy
) -> Finding:
    kind = KINDS[code]
    return Finding(
        code=code,
        name=kind.name,
        severity=policy.severities.get(code, kind.severity),
        subject=observation.subject,
        message=observation.message,
        path=observation.path,
        environment=observation.environment,
        layer=_blame(image, observation),
        lock_line=observation.lock_line,
        expected=observation.expected,
        actual=observation.actual,
        fingerprint=fingerprint,
    )


def _blame(image: Image, observation: Observation) -> Layer | None:
    """Return the layer that the rule names, else the one that put the path where it is."""
    number, path = observation.layer, observation.path
    if number is None and path is not None:
        entry = image.rootfs.lstat(path)
        number = entry.layer if entry is not None else None
    if number is None or number >= len(image.layers):
        return None
    return image.layers[number]


def _package_rows(facts: Facts) -> Iterable[PackageRow]:
    compared = verified_bytecode(facts)
    for name in sorted({*facts.expectation.packages, *facts.installed}):
        package = facts.expectation.packages.get(name)
        found = facts.installed.get(name)
        proof = facts.proofs.get(name)
        yield PackageRow(
            name=name,
            in_lock=package is not None,
            locked=str(package.version) if package and package.version else None,
            installed=found.chosen.version if found else None,
            environment=facts.prefix if found else None,
            evidence=proof.degree if proof else Degree.NONE,
            artifact=proof.artifact if proof else None,
            files=proof.checked if proof else 0,
            built_files=_count(proof, FileState.BUILT),
            unproven_files=_count(proof, FileState.UNPROVEN, FileState.UNREADABLE),
            bytecode_verified=compared[name],
            bytecode_unverified=max(proof.bytecode - compared[name], 0) if proof else 0,
            attestation_identities=package.attestation_identities if package else (),
            attested=_attested(facts, name),
            sboms=found.chosen.sboms if found else (),
        )


def _attested(facts: Facts, name: str) -> AttestationState | None:
    found = (facts.attested or {}).get(name)
    return found.attested if found else None


def verified_bytecode(facts: Facts) -> Counter[str]:
    """Count the compiled files of the runtime environment that were compared, by distribution."""
    owners = (facts.ownership.owner(source) for source in facts.bytecode.verified.values())
    return Counter(
        owner.name
        for owner in owners
        if owner and owner.kind is OwnerKind.DISTRIBUTION and owner.prefix == facts.prefix
    )


def _count(proof: Proof | None, *states: FileState) -> int:
    return sum(1 for check in proof.files if check.state in states) if proof else 0


def _checked(facts: Facts) -> Checked:
    return Checked(
        files=sum(proof.checked for proof in facts.proofs.values()),
        bytes=sum(proof.size for proof in facts.proofs.values()),
        packages=len(facts.installed),
        native_libraries=len(facts.natives.files),
    )
