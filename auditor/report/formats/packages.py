"""The table of packages, those at fault first."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tabulate import tabulate

from auditor.model import Degree, Severity
from auditor.report.formats.escape import clip
from auditor.report.formats.lines import Line, heading, wrapped
from auditor.report.formats.words import open_findings, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.model import Report

_CELL = 60  # characters; JSON has the whole
_GAP = 2  # blanks between columns
_THINNEST = 7  # columns a cell is squeezed to before the table may grow over the edge
_ROOMY = 60  # columns from which the codes find room beside the package
_ABSENT = "-"


def package_lines(report: Report, width: int) -> list[Line]:
    """Give one row for each package, and how many there are of each degree of evidence."""
    if not report.packages:
        return [Line(""), Line("No package is locked or installed.")]
    codes = _codes(report)
    rows = sorted(report.packages, key=lambda row: (row.name not in codes, row.name))
    columns = {
        "package": [row.name for row in rows],
        "locked": [row.locked or ("source" if row.in_lock else _ABSENT) for row in rows],
        "installed": [row.installed or _ABSENT for row in rows],
        "evidence": [row.evidence.value for row in rows],
    }
    if len({row.environment for row in rows}) > 1:
        columns["environment"] = [row.environment or _ABSENT for row in rows]
    if codes and width >= _ROOMY:
        columns["findings"] = [" ".join(codes.get(row.name, ())) for row in rows]
    cells = [[title, *(clip(cell, _CELL) for cell in cells)] for title, cells in columns.items()]
    # The titles go in as a row: as headers they would be padded beyond their width.
    text = tabulate(
        list(zip(*cells, strict=True)),
        tablefmt="plain",
        disable_numparse=True,
        maxcolwidths=_widths(cells, width - _GAP),
    )
    return [
        *heading(plural(len(rows), "package")),
        *(Line(f"  {line}".rstrip()) for line in text.splitlines()),
        *wrapped(f"Evidence: {_degrees(report)}", width, "  ", 4),
    ]


def _codes(report: Report) -> dict[str, list[str]]:
    """Give the codes of each package's findings; what is only noted is no fault."""
    codes = defaultdict[str, list[str]](list)
    for finding in open_findings(report):
        if finding.severity is not Severity.NOTE and finding.code not in codes[finding.subject]:
            codes[finding.subject].append(finding.code)
    names = {row.name for row in report.packages}
    return {subject: found for subject, found in codes.items() if subject in names}


def _degrees(report: Report) -> str:
    tally = Counter(row.evidence for row in report.packages)
    return ", ".join(f"{tally[degree]:,} {degree}" for degree in Degree if tally[degree])


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Give each column its natural width, the widest squeezed until the table fits `room`."""
    widths = [max(len(cell) for cell in column) for column in columns]
    room -= _GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _THINNEST:
        widths[widths.index(max(widths))] -= 1
    return widths
