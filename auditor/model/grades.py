"""Severities of findings, verdicts of audits, degrees of evidence."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How severe a finding is, in SARIF's own levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Verdict(StrEnum):
    """What an audit concludes."""

    CONSISTENT = "consistent"
    DRIFT = "drift"
    INCOMPLETE = "incomplete"


class Degree(StrEnum):
    """How sure it is that an installed distribution is the locked one, best first."""

    PROVEN = "proven"
    BUILT = "built"
    INDEXED = "indexed"
    ORIGIN = "origin"
    RECORDED = "recorded"
    VERSION = "version"
    NONE = "none"
