"""From observations to a report: kinds stamped, layers named, policy applied, verdict drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.catalogue import KINDS, NOT_CHECKED
from auditor.errors import ExitCode
from auditor.model import Degree, FileState, OwnerKind, Severity, Verdict
from auditor.report.document import (
    BytecodeCount,
    Checked,
    Finding,
    FindingLayer,
    ImageKind,
    LockSummary,
    Mode,
    PackageRow,
    Report,
    ReportArtifact,
    ReportEnvironment,
    ReportImage,
    ReportLayer,
)
from auditor.report.fingerprint import fingerprints
from auditor.report.ignores import idle_entries, ignored_by_choice, ignored_by_policy
from auditor.report.json_form import decodable_copy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.lock import Lock
    from auditor.model import Image, NotChecked, Observation, PolicyNote, Proof
    from auditor.report.ignores import Threshold
    from auditor.rules import Facts

_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_EXIT_CODES = {
    Verdict.CONSISTENT: ExitCode.CONSISTENT,
    Verdict.DRIFT: ExitCode.DRIFT,
    Verdict.INCOMPLETE: ExitCode.INCOMPLETE,
}


@dataclass(frozen=True, slots=True)
class RuleResults:
    """What the rules found, by the code of each that ran, and what was left out."""

    observations: Mapping[str, tuple[Observation, ...]]
    not_checked: tuple[NotChecked, ...]
    policy_notes: tuple[PolicyNote, ...] = ()
    """What the stages noticed about the policy, beside its ignores."""
    mode: Mode = Mode.FULL


def build_report(facts: Facts, results: RuleResults, lock: Lock, threshold: Threshold) -> Report:
    """Return the report of one audit, everything in it sorted."""
    found = sorted(
        ((code, each) for code, several in results.observations.items() for each in several),
        key=lambda pair: (pair[0], pair[1].subject, pair[1].path or "", pair[1].message),
    )
    findings = [
        _finding(facts, code, observation, fingerprint, threshold)
        for (code, observation), fingerprint in zip(found, fingerprints(found), strict=True)
    ]
    findings.sort(key=lambda finding: (_RANK[finding.severity], finding.code))
    notes = (*idle_entries(facts.policy, found, results.observations), *results.policy_notes)
    drawn = verdict(findings, threshold.fail_on or Severity.WARNING)
    report: Report = decodable_copy(
        Report(
            verdict=drawn,
            mode=results.mode,
            image=_image(facts.image),
            lock=LockSummary(
                lock.path, lock.sha256, lock.created_by, len(facts.expectation.packages)
            ),
            environments=tuple(_environments(facts)),
            packages=tuple(_package_rows(facts)),
            findings=tuple(findings),
            checked=_checked(facts),
            not_checked=tuple(sorted(results.not_checked, key=lambda each: (each.what, each.why))),
            policy_notes=tuple(sorted(notes, key=lambda note: note.line or 0)),
            rules=tuple(sorted(results.observations)),
            exit_code=exit_code(drawn, threshold.fail_on),
        )
    )
    return report


def verdict(findings: Iterable[Finding], fail_on: Severity) -> Verdict:
    """Return the verdict: drift before incomplete, and ignored findings do not count."""
    counted = [
        finding
        for finding in findings
        if finding.ignored is None and _RANK[finding.severity] <= _RANK[fail_on]
    ]
    if any(KINDS[finding.code].family != NOT_CHECKED for finding in counted):
        return Verdict.DRIFT
    return Verdict.INCOMPLETE if counted else Verdict.CONSISTENT


def exit_code(verdict: Verdict, fail_on: Severity | None) -> ExitCode:
    """Return what the process exits with: always 0 where nothing is to fail it."""
    return ExitCode.CONSISTENT if fail_on is None else _EXIT_CODES[verdict]


def verified_bytecode(facts: Facts) -> Counter[str]:
    """Count the compiled files of the runtime environment that were compared, by distribution."""
    owners = (facts.ownership.owner(source) for source in facts.bytecode.verified.values())
    return Counter(
        owner.name
        for owner in owners
        if owner and owner.kind is OwnerKind.DISTRIBUTION and owner.prefix == facts.prefix
    )


def _finding(
    facts: Facts, code: str, observation: Observation, fingerprint: str, threshold: Threshold
) -> Finding:
    kind = KINDS[code]
    return Finding(
        code=code,
        name=kind.name,
        severity=facts.policy.severities.get(code, kind.severity),
        subject=observation.subject,
        message=observation.message,
        path=observation.path,
        environment=observation.environment,
        layer=_layer(facts.image, observation),
        lock_line=observation.lock_line,
        expected=observation.expected,
        actual=observation.actual,
        fingerprint=fingerprint,
        ignored=ignored_by_policy(facts.policy, code, observation)
        or ignored_by_choice(threshold, code),
    )


def _layer(image: Image, observation: Observation) -> FindingLayer | None:
    """Return the layer that the rule names, else the one that put the path where it is."""
    number, path = observation.layer, observation.path
    if number is None and path is not None:
        entry = image.rootfs.lstat(path)
        number = entry.layer if entry is not None else None
    if number is None or number >= len(image.layers):
        return None
    layer = image.layers[number]
    return FindingLayer(layer.digest, layer.created_by, layer.base)


def _image(image: Image) -> ReportImage:
    has_image = image.digest or image.layers
    kind = ImageKind.IMAGE if has_image else ImageKind.FILE_SYSTEM
    return ReportImage(
        reference=image.reference,
        digest=image.digest,
        manifest_digest=image.manifest_digest,
        platform=str(image.config.platform),
        layers=tuple(
            ReportLayer(each.digest, each.created_by, each.base, each.size) for each in image.layers
        ),
        kind=kind if image.prefix is None else ImageKind.ENVIRONMENT,
    )


def _environments(facts: Facts) -> Iterator[ReportEnvironment]:
    for each in facts.inventory.environments:
        yield ReportEnvironment(
            prefix=each.prefix,
            interpreter=each.interpreter,
            python_version=each.python_version,
            runtime=each.runtime,
            runtime_reason=each.runtime_reason,
            distributions=len(each.distributions),
        )


def _package_rows(facts: Facts) -> Iterator[PackageRow]:
    compared = verified_bytecode(facts)
    for name in sorted({*facts.expectation.packages, *facts.installed}):
        package = facts.expectation.packages.get(name)
        found = facts.installed.get(name)
        proof = facts.proofs.get(name)
        attestation = (facts.attested or {}).get(name)
        yield PackageRow(
            name=name,
            in_lock=package is not None,
            locked=str(package.version) if package and package.version else None,
            installed=found.chosen.version if found else None,
            environment=facts.prefix if found else None,
            evidence=proof.degree if proof else Degree.NONE,
            artifact=_artifact(proof),
            files=proof.checked if proof else 0,
            built_files=_count(proof, FileState.BUILT),
            unproven_files=_count(proof, FileState.UNPROVEN, FileState.UNREADABLE),
            bytecode=BytecodeCount(
                verified=compared[name],
                unverified=max(proof.bytecode - compared[name], 0) if proof else 0,
            ),
            attestation_identities=package.attestation_identities if package else (),
            attested=attestation.attested if attestation else None,
            sboms=found.chosen.sboms if found else (),
        )


def _artifact(proof: Proof | None) -> ReportArtifact | None:
    artifact = proof.artifact if proof else None
    return ReportArtifact(artifact.filename, artifact.hashes.get("sha256")) if artifact else None


def _count(proof: Proof | None, *states: FileState) -> int:
    return sum(check.state in states for check in proof.files) if proof else 0


def _checked(facts: Facts) -> Checked:
    return Checked(
        files=sum(proof.checked for proof in facts.proofs.values()),
        bytes=sum(proof.size for proof in facts.proofs.values()),
        packages=len(facts.installed),
        native_libraries=len(facts.natives.files),
    )
