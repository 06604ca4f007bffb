"""How a report is looked at: what a format may know beyond the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from auditor.report.document import Report


@dataclass(frozen=True, slots=True)
class View:
    """The reader's side; only formats for people look at it."""

    width: int = 80
    """Columns to wrap at."""
    color: bool = False
    """Whether ANSI colours are understood."""


PLAIN = View()
"""A file or a pipe: 80 columns, no colour."""


class Format(Protocol):
    """Renders a report: a pure function that adds nothing to what the report says."""

    def __call__(self, report: Report, view: View = PLAIN) -> str:
        """Return the whole text, ending with a line break."""
