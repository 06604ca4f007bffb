"""The sentences and counts that several formats share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.catalogue import NOT_CHECKED
from auditor.model import Severity, Verdict
from auditor.report.formats.escape import escape
from auditor.wording import plural

if TYPE_CHECKING:
    from auditor.model import Finding, Image, PolicyNote, Report

MEANING = {
    Verdict.CONSISTENT: "found nothing that contradicts the lock",
    Verdict.DRIFT: "the {} is not what its lock says",
    Verdict.INCOMPLETE: "something could not be checked, so this is no pass",
}


def headline(report: Report) -> str:
    """Return the verdict and exactly which image it is about, on one line."""
    mode = "" if report.mode == "full" else f" ({report.mode} audit)"
    return f"{report.verdict}{mode}: {audited(report)}"


def audited(report: Report) -> str:
    """Return the image's reference and digest, on one line."""
    return escape(f"{report.image.reference} {report.image.digest or '(no digest)'}")


def noun(image: Image) -> str:
    """Return what it is that was audited."""
    if image.prefix is not None:
        return "environment"
    return "image" if image.digest or image.layers else "file system"


def open_findings(report: Report) -> list[Finding]:
    """Return the findings that no policy sets aside, in the report's order."""
    return [finding for finding in report.findings if finding.ignored is None]


def counts(report: Report) -> dict[str, int]:
    """Return how many findings there are of each severity, and how many are ignored."""
    found = open_findings(report)
    tally = {level.value: sum(f.severity is level for f in found) for level in Severity}
    return {**tally, "ignored": len(report.findings) - len(found)}


def summary(report: Report) -> str:
    """Return the counts and what the verdict means, on one line."""
    tally = counts(report)
    parts = [plural(tally[level], level) for level in Severity]
    return f"{', '.join(parts)}, {tally['ignored']} ignored: {report.verdict}, " + MEANING[
        report.verdict
    ].format(noun(report.image))


def policy_note(note: PolicyNote) -> str:
    """Return the place of a policy's entry, the entry, and why it does nothing."""
    line = "" if note.line is None else f":{note.line}"
    place = f"{note.path}{line}: " if note.path else ""
    return f"{place}{note.entry}: {note.why}"


def is_unchecked(finding: Finding) -> bool:
    """Return whether the finding is about something that could not be checked (family 9)."""
    return finding.code.startswith(f"LI{NOT_CHECKED}")
