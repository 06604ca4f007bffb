"""The formats a report can be given in: pure functions from a report to text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.report.formats import github, table
from auditor.report.formats.view import PLAIN, Format, View

if TYPE_CHECKING:
    from auditor.report.document import Report

__all__ = ["FORMATS", "PLAIN", "Format", "View"]


def _json(report: Report, view: View = PLAIN) -> str:
    return report.to_json()


FORMATS: dict[str, Format] = {"table": table.render, "json": _json, "github": github.render}
"""Every format by the name that `--format` takes."""
