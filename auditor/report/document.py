r"""The report of one audit: plain values, written to JSON and read back from it.

Every string is text that can be encoded: bytes of the image that were not UTF-8 stand in it as
`\xff`. The fields are the keys of the document, in its order; within a schema version they are
only ever added, at the end and with a default, so that earlier documents are still read.
"""
# No `from __future__ import annotations`: the types of the fields are needed for reading.

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from auditor.errors import ExitCode, UsageError
from auditor.model import AttestationState, Degree, NotChecked, PolicyNote, Severity, Verdict
from auditor.report.json_form import JsonError, json_text, parse_json, value_of
from auditor.wording import one_line

SCHEMA_VERSION = 1


class Mode(StrEnum):
    """How much of the image an audit looks at."""

    FULL = "full"
    QUICK = "quick"


class ImageKind(StrEnum):
    """What was audited."""

    IMAGE = "image"
    ENVIRONMENT = "environment"
    FILE_SYSTEM = "file system"


@dataclass(frozen=True, slots=True)
class FindingLayer:
    """The layer that brought what a finding is about."""

    digest: str
    """Its DiffID."""
    created_by: str
    """The instruction that made it."""
    base: bool
    """It is one of the base image's."""


@dataclass(frozen=True, slots=True)
class DockerfileLines:
    """Where the instruction that made a layer stands."""

    path: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class ReportLayer(FindingLayer):
    """One layer of the image."""

    size: int
    """Uncompressed bytes."""
    dockerfile: DockerfileLines | None = None
    """None where it is not known."""


@dataclass(frozen=True, slots=True)
class ReportImage:
    """What was audited."""

    reference: str
    """As given on the command line."""
    digest: str | None
    """Digest of the configuration; None where there is none."""
    manifest_digest: str | None
    platform: str
    """`os/architecture[/variant]`."""
    layers: tuple[ReportLayer, ...]
    """From the lowest; empty where the transport knows none."""
    kind: ImageKind = ImageKind.IMAGE


@dataclass(frozen=True, slots=True)
class LockSummary:
    """Which lock was used, and how much of it."""

    path: str
    """As given on the command line, or as found."""
    sha256: str
    """Of the file, hexadecimal."""
    created_by: str
    packages_selected: int


@dataclass(frozen=True, slots=True)
class ReportEnvironment:
    """A Python environment of the image."""

    prefix: str
    interpreter: str | None
    python_version: str | None
    runtime: bool
    """Whether it is the one that the image runs, and `runtime_reason` why."""
    runtime_reason: str
    distributions: int
    """How many are installed in it."""


@dataclass(frozen=True, slots=True)
class ReportArtifact:
    """A locked artifact."""

    filename: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class BytecodeCount:
    """Compiled files: how many were compared with their sources, and how many were not."""

    verified: int
    unverified: int


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One distribution of the audit: locked, installed, or both."""

    name: str
    in_lock: bool
    locked: str | None
    installed: str | None
    environment: str | None
    evidence: Degree
    artifact: ReportArtifact | None
    """The locked artifact that it equals, or that it names."""
    files: int
    built_files: int
    unproven_files: int
    bytecode: BytecodeCount
    attestation_identities: tuple[Mapping[str, object], ...] = ()
    attested: AttestationState | None = None
    """None where the lock names nobody, nothing is installed, or it was not to be verified."""
    sboms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """Why a finding does not count, and until when (ISO date)."""

    reason: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """An observation with its kind, its layer and a fingerprint that outlives releases."""

    code: str
    name: str
    severity: Severity
    subject: str
    """The thing at fault: a distribution's name, else a path, else an instruction."""
    message: str
    path: str | None
    environment: str | None
    """Prefix of the environment it is about."""
    layer: FindingLayer | None
    lock_line: int | None
    expected: str | None
    actual: str | None
    fingerprint: str
    ignored: Ignored | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was looked at."""

    files: int
    bytes: int
    packages: int
    native_libraries: int


@dataclass(frozen=True, slots=True)
class Summary:
    """How many findings of each severity count, and how many are ignored."""

    error: int
    warning: int
    note: int
    ignored: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one audit says; the formats render it and add nothing."""

    schema_version: int = field(default=SCHEMA_VERSION, init=False)
    verdict: Verdict
    mode: Mode
    image: ReportImage
    lock: LockSummary
    environments: tuple[ReportEnvironment, ...]
    packages: tuple[PackageRow, ...]
    findings: tuple[Finding, ...]
    """Worst first: errors, warnings, notes, then by code, subject and path."""
    checked: Checked
    not_checked: tuple[NotChecked, ...]
    policy_notes: tuple[PolicyNote, ...] = ()
    """In the order of the policy; they never change the verdict."""
    summary: Summary = field(init=False)
    rules: tuple[str, ...] = ()
    """Codes of the findings that were looked for; empty where an earlier version wrote it."""
    exit_code: ExitCode | None = None
    """What the process of the audit exits with; None where an earlier version wrote it."""

    def __post_init__(self) -> None:
        tally = Counter(finding.severity for finding in self.open_findings)
        summary = Summary(
            error=tally[Severity.ERROR],
            warning=tally[Severity.WARNING],
            note=tally[Severity.NOTE],
            ignored=len(self.findings) - tally.total(),
        )
        object.__setattr__(self, "summary", summary)

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """The findings that are not ignored, in their order."""
        return tuple(finding for finding in self.findings if finding.ignored is None)

    def to_json(self) -> str:
        """Return the report as one JSON document (`auditor.report.schema`), the same every time.

        It is ASCII, indented by two, and ends with a line break.
        """
        return json_text(self)

    @classmethod
    def from_json(cls, text: str, name: str = "the report") -> Self:
        """Return the report that `to_json` wrote, in this version or an earlier one.

        Keys that are not known are passed over. Raises `UsageError`, with `name` for the
        document, where it is none of ours or has been damaged.
        """
        try:
            report: Self = value_of(cls, _known_version(parse_json(text)))
        except JsonError as error:
            hint = "use a file that `auditor check --format json` of this or an earlier version"
            raise UsageError(f"{name}: {error}", f"{hint} wrote") from error
        return report


def _known_version(document: object) -> object:
    """Return a document of a schema version that is read; raises `JsonError` for any other."""
    if not isinstance(document, dict) or "schema_version" not in document:
        raise JsonError("not a report that auditor wrote")
    version = document["schema_version"]
    if version != SCHEMA_VERSION or type(version) is not int:
        found = one_line(repr(version), 20)
        raise JsonError(f"schema_version {found} is not supported, only {SCHEMA_VERSION} is")
    return document
