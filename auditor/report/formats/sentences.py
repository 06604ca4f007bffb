"""The sentences that several formats share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.catalogue import NOT_CHECKED
from auditor.model import Severity, Verdict
from auditor.report.document import Mode
from auditor.report.escape import escape
from auditor.wording import plural

if TYPE_CHECKING:
    from auditor.model import PolicyNote
    from auditor.report.document import Finding, Report

MEANING = {
    Verdict.CONSISTENT: "found nothing that contradicts the lock",
    Verdict.DRIFT: "the {} is not what its lock says",
    Verdict.INCOMPLETE: "something could not be checked, so this is not a pass",
}


def headline(report: Report) -> str:
    """Return the verdict and exactly which image it is about, on one line."""
    mode = "" if report.mode is Mode.FULL else f" ({report.mode} audit)"
    return f"{report.verdict}{mode}: {audited(report)}"


def audited(report: Report) -> str:
    """Return the image's reference and digest, on one line."""
    return escape(f"{report.image.reference} {report.image.digest or '(no digest)'}")


def summary(report: Report) -> str:
    """Return the counts and what the verdict means, on one line."""
    count = report.summary
    amounts = zip((count.error, count.warning, count.note), Severity, strict=True)
    counts = ", ".join(plural(amount, severity) for amount, severity in amounts)
    meaning = MEANING[report.verdict].format(report.image.kind)
    return f"{counts}, {count.ignored:,} ignored: {report.verdict}, {meaning}"


def policy_note(note: PolicyNote) -> str:
    """Return the place of a policy's entry, the entry, and why it does nothing."""
    line = "" if note.line is None else f":{note.line}"
    place = f"{note.path}{line}: " if note.path else ""
    return f"{place}{note.entry}: {note.why}"


def is_unchecked(finding: Finding) -> bool:
    """Return whether the finding is about something that could not be checked (family 9)."""
    return finding.code.startswith(f"LI{NOT_CHECKED}")
