"""The report: what the audit says, and the formats that say it."""

from auditor.report.build import Judged, build_report, verdict

__all__ = ["Judged", "build_report", "verdict"]
