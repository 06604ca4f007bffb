"""The formats a report can be given in: pure functions from a report to text."""

from __future__ import annotations

from auditor.report.formats import github, json_v1, table
from auditor.report.formats.view import PLAIN, Format, View

__all__ = ["FORMATS", "PLAIN", "Format", "View"]

FORMATS: dict[str, Format] = {
    "table": table.render,
    "json": json_v1.render,
    "github": github.render,
}
"""Every format by the name that `--format` takes."""
