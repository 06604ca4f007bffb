"""What an audit found, as one plain value, and the formats that render it."""

from __future__ import annotations

from auditor.model import AttestationState, Degree, NotChecked, PolicyNote, Severity, Verdict
from auditor.report.document import (
    BytecodeCount,
    Checked,
    DockerfileLines,
    Finding,
    FindingLayer,
    Ignored,
    ImageKind,
    LockSummary,
    Mode,
    PackageRow,
    Report,
    ReportArtifact,
    ReportEnvironment,
    ReportImage,
    ReportLayer,
    Summary,
)

__all__ = [
    "AttestationState",
    "BytecodeCount",
    "Checked",
    "Degree",
    "DockerfileLines",
    "Finding",
    "FindingLayer",
    "Ignored",
    "ImageKind",
    "LockSummary",
    "Mode",
    "NotChecked",
    "PackageRow",
    "PolicyNote",
    "Report",
    "ReportArtifact",
    "ReportEnvironment",
    "ReportImage",
    "ReportLayer",
    "Severity",
    "Summary",
    "Verdict",
]
