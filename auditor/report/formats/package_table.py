"""The table of packages, those at fault first."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from auditor.model import Degree, Severity
from auditor.report.formats.lines import Line, columns, heading, wrapped
from auditor.wording import plural

if TYPE_CHECKING:
    from auditor.report.document import Report

_ROOMY = 60  # columns from which the codes find room beside the package
_ABSENT = "-"


def package_lines(report: Report, width: int) -> list[Line]:
    """Return one row for each package, and how many there are of each degree of evidence."""
    if not report.packages:
        return [Line(""), Line("No package is locked or installed.")]
    codes = _codes(report)
    rows = sorted(report.packages, key=lambda row: (row.name not in codes, row.name))
    cells = {
        "package": [row.name for row in rows],
        "locked": [row.locked or ("source" if row.in_lock else _ABSENT) for row in rows],
        "installed": [row.installed or _ABSENT for row in rows],
        "evidence": [row.evidence.value for row in rows],
    }
    if len({row.environment for row in rows}) > 1:
        cells["environment"] = [row.environment or _ABSENT for row in rows]
    if codes and width >= _ROOMY:
        cells["findings"] = [" ".join(codes.get(row.name, ())) for row in rows]
    return [
        *heading(plural(len(rows), "package")),
        *columns(cells, width),
        *wrapped(f"Evidence: {_degrees(report)}", width, "  ", 4),
    ]


def _codes(report: Report) -> dict[str, list[str]]:
    """Return the codes of each package's findings; what is only noted is no fault."""
    codes = defaultdict[str, list[str]](list)
    for finding in report.open_findings:
        if finding.severity is not Severity.NOTE and finding.code not in codes[finding.subject]:
            codes[finding.subject].append(finding.code)
    names = {row.name for row in report.packages}
    return {subject: found for subject, found in codes.items() if subject in names}


def _degrees(report: Report) -> str:
    tally = Counter(row.evidence for row in report.packages)
    return ", ".join(f"{tally[degree]:,} {degree}" for degree in Degree if tally[degree])
