"""What an audit found, as one plain value (`document`), and the formats that render it."""

from __future__ import annotations

from auditor.model import Degree, Severity, Verdict
from auditor.report.document import Finding, Report

__all__ = ["Degree", "Finding", "Report", "Severity", "Verdict"]
