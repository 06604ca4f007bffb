"""The report: what the audit says, and the formats that say it."""

from auditor.report.build import Judged, build_report, verdict, verified_bytecode

__all__ = ["Judged", "build_report", "verdict", "verified_bytecode"]
