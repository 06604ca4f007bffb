"""What an audit gives: observations, findings, and the report of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model.evidence import AttestationState
    from auditor.model.grades import Degree, Severity, Verdict
    from auditor.model.image import Image, Layer, NotChecked
    from auditor.model.inventory import Environment
    from auditor.model.locked import Artifact


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule saw. The runner stamps the kind on it."""

    subject: str
    """The thing at fault: a distribution's name, else a path, else an instruction."""
    message: str
    """One sentence, without the subject's repetition where it can be avoided."""
    path: str | None = None
    environment: str | None = None
    """Prefix of the environment it is about."""
    expected: str | None = None
    actual: str | None = None
    lock_line: int | None = None
    layer: int | None = None
    """Index of the layer to blame, where it is not the one that holds `path` now."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Why the policy sets a finding aside, and until when (ISO date)."""

    reason: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """An observation with its kind, its layer and a fingerprint that outlives releases."""

    code: str
    name: str
    severity: Severity
    subject: str
    message: str
    path: str | None
    environment: str | None
    layer: Layer | None
    lock_line: int | None
    expected: str | None
    actual: str | None
    fingerprint: str
    ignored: Ignored | None = None


@dataclass(frozen=True, slots=True)
class PolicyNote:
    """An entry of the policy that does nothing (any more), and why."""

    entry: str
    """`[[ignore]] LI103 requests`."""
    why: str
    path: str | None
    """The file that holds it, as shown, and its `line` there."""
    line: int | None


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One distribution of the audit: locked, installed, or both."""

    name: str
    in_lock: bool
    locked: str | None
    installed: str | None
    environment: str | None
    evidence: Degree
    artifact: Artifact | None
    files: int
    built_files: int
    unproven_files: int
    bytecode_verified: int
    bytecode_unverified: int
    attestation_identities: tuple[Mapping[str, object], ...] = ()
    attested: AttestationState | None = None
    """None where the lock names nobody, nothing is installed, or it was not to be verified."""
    sboms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LockSummary:
    """Which lock was used, and how much of it."""

    path: str
    sha256: str
    created_by: str
    packages_selected: int


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was looked at."""

    files: int
    bytes: int
    packages: int
    native_libraries: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one audit says; the formats render it and add nothing."""

    verdict: Verdict
    mode: str
    """`full` or `quick`."""
    image: Image
    lock: LockSummary
    environments: tuple[Environment, ...]
    packages: tuple[PackageRow, ...]
    findings: tuple[Finding, ...]
    """Worst first: errors, warnings, notes, then by code, subject and path."""
    checked: Checked
    not_checked: tuple[NotChecked, ...]
    policy_notes: tuple[PolicyNote, ...] = ()
    """In the order of the policy; they never change the verdict."""
