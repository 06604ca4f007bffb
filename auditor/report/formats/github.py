"""GitHub workflow commands: each finding an annotation on the lock's line.

GitHub shows ten annotations of each level and step and drops the rest without a word, so the
tenth says how many more there are, and plain lines of the log name them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.inventory.commands.instructions import shown_instruction
from auditor.model import Severity
from auditor.report.escape import clip, escape, guard
from auditor.report.formats.sentences import audited, headline, summary
from auditor.report.formats.view import PLAIN, View
from auditor.wording import plural

if TYPE_CHECKING:
    from auditor.model import PolicyNote
    from auditor.report.document import Finding, Report

SHOWN = 10
"""Annotations of one level that GitHub shows for a step."""

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_TITLE, _TEXT = 200, 1000  # characters; GitHub cuts a title at 255


def render(report: Report, view: View = PLAIN) -> str:
    """Return the image's line, the annotations, errors first, and the summary."""
    lines = [guard(headline(report))]
    for level in Severity:
        found = [finding for finding in report.open_findings if finding.severity is level]
        lines += _annotations(level, found, report)
    lines += map(_policy_notice, report.policy_notes)
    lines.append(guard(summary(report)))
    return "\n".join(lines) + "\n"


def _annotations(level: Severity, found: list[Finding], report: Report) -> list[str]:
    if len(found) <= SHOWN:
        return [_annotation(finding, report) for finding in found]
    shown, hidden = found[: SHOWN - 1], found[SHOWN - 1 :]
    title = f"{plural(len(hidden), f'more {level}')} than GitHub shows"
    text = f"The log of this step lists them.\n{_audited(report)}"
    return [
        *(_annotation(finding, report) for finding in shown),
        _command(level, {"file": escape(report.lock.path), "title": title}, text),
        *(guard(f"{level} {escape(f.code)} {' | '.join(_facts(f))}") for f in hidden),
    ]


def _annotation(finding: Finding, report: Report) -> str:
    properties = {"file": escape(report.lock.path)}
    if finding.lock_line is not None:
        properties["line"] = str(finding.lock_line)
    properties["title"] = clip(f"{finding.code} {finding.name}: {finding.subject}", _TITLE)
    return _command(finding.severity, properties, "\n".join(_text(finding, report)))


def _text(finding: Finding, report: Report) -> list[str]:
    return [
        *_facts(finding),
        _audited(report),
        f"what it means: auditor explain {escape(finding.code)}",
    ]


def _audited(report: Report) -> str:
    return f"{report.image.kind}: {audited(report)}"


def _facts(finding: Finding) -> list[str]:
    lines = [f"{clip(finding.subject, _TITLE)}: {clip(finding.message, _TEXT)}"]
    facts = {
        "path": finding.path,
        "environment": finding.environment,
        "expected": finding.expected,
        "found": finding.actual,
        "layer": shown_instruction(finding.layer.created_by) if finding.layer else None,
    }
    return lines + [f"{label}: {clip(fact, _TEXT)}" for label, fact in facts.items() if fact]


def _policy_notice(note: PolicyNote) -> str:
    properties = {"file": escape(note.path)} if note.path else {}
    if note.line is not None:
        properties["line"] = str(note.line)
    properties["title"] = "policy entry without effect"
    return _command(Severity.NOTE, properties, clip(f"{note.entry}: {note.why}", _TEXT))


def _command(level: Severity, properties: dict[str, str], text: str) -> str:
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    # The guard comes before the runner's own escapes, so that it cannot undo one.
    return f"::{_COMMANDS[level]} {shown}::{_data(guard(text))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(guard(text)).replace(":", "%3A").replace(",", "%2C")
