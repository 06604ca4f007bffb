"""The report for people: what is wrong first, then every package, then what was looked at."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from auditor.inventory.commands.instructions import shown_instruction
from auditor.model import AttestationState, Severity, Verdict
from auditor.report.escape import clip, escape
from auditor.report.formats.lines import (
    CYAN,
    GREEN,
    NARROWEST,
    RED,
    YELLOW,
    Line,
    heading,
    labelled,
    wrapped,
)
from auditor.report.formats.package_table import package_lines
from auditor.report.formats.sentences import (
    headline,
    is_unchecked,
    policy_note,
    summary,
)
from auditor.report.formats.view import PLAIN, View
from auditor.wording import human_bytes, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.report.document import Finding, Report, ReportEnvironment

_VERDICTS = {Verdict.CONSISTENT: GREEN, Verdict.DRIFT: RED, Verdict.INCOMPLETE: YELLOW}
_SEVERITIES = {Severity.ERROR: RED, Severity.WARNING: YELLOW, Severity.NOTE: CYAN}

_TEXT = 2000  # characters of one message; JSON has the whole
_NAME = 300  # characters of a subject or of a Dockerfile instruction
_ONE_LINE = 60  # characters that "expected -> found" may take together


def render(report: Report, view: View = PLAIN) -> str:
    """Return the whole report, wrapped at the view's width."""
    width = max(view.width, NARROWEST)
    color = _VERDICTS[report.verdict]
    ending = "" if report.exit_code is None else f" (exit {report.exit_code:d})"
    lines = [
        Line(headline(report), color),
        *_findings(report, width),
        *package_lines(report, width),
        *_checked(report, width),
        *_not_checked(report, width),
        *_policy(report, width),
        Line(""),
        *wrapped(summary(report) + ending, width, color=color),
    ]
    return "".join(f"{line.render(color=view.color)}\n" for line in lines)


def _findings(report: Report, width: int) -> Iterator[Line]:
    for level in Severity:
        group = [each for each in report.open_findings if each.severity is level]
        yield from _group(plural(len(group), level), _SEVERITIES[level], group, report, width)
    ignored = [finding for finding in report.findings if finding.ignored is not None]
    yield from _group(f"{len(ignored):,} ignored", CYAN, ignored, report, width)


def _group(
    title: str, color: str, group: list[Finding], report: Report, width: int
) -> Iterator[Line]:
    if not group:
        return
    yield from heading(title, color)
    explained = set[str]()
    for finding in group:
        head = f"{escape(finding.code)} {clip(finding.subject, _NAME)}: "
        yield from wrapped(head + clip(finding.message, _TEXT), width, "  ", 4)
        for label, text in _details(finding, report):
            yield from labelled(label, text, width)
        if finding.code not in explained:
            explained.add(finding.code)
            yield from labelled("see", f"auditor explain {escape(finding.code)}", width)


def _details(finding: Finding, report: Report) -> Iterator[tuple[str, str]]:
    path, environment = finding.path, finding.environment
    if path is not None and path != finding.subject:
        yield "path", escape(path)
    if environment is not None and not f"{path}/".startswith(f"{environment.rstrip('/')}/"):
        yield "in", escape(environment)
    yield from _difference(finding)
    if finding.lock_line is not None:
        yield "lock", f"{escape(report.lock.path)}:{finding.lock_line}"
    if finding.layer is not None:
        base = " (base image)" if finding.layer.base else ""
        made_by = shown_instruction(finding.layer.created_by) or finding.layer.digest
        yield "layer", clip(made_by, _NAME) + base
    if finding.ignored is not None:
        until = f", until {escape(finding.ignored.until)}" if finding.ignored.until else ""
        yield "ignored", clip(finding.ignored.reason, _TEXT) + until


def _difference(finding: Finding) -> Iterator[tuple[str, str]]:
    expected, actual = finding.expected, finding.actual
    if expected and actual and len(expected) + len(actual) <= _ONE_LINE:
        yield "expected", f"{escape(expected)} -> {escape(actual)}"
        return
    if expected:
        yield "expected", clip(expected, _TEXT)
    if actual:
        yield "found", clip(actual, _TEXT)


def _checked(report: Report, width: int) -> Iterator[Line]:
    checked, lock = report.checked, report.lock
    made_by = f", made by {escape(lock.created_by)}" if lock.created_by else ""
    selected = f"{plural(lock.packages_selected, 'package')} selected"
    yield from heading("Checked")
    yield from labelled("lock", f"{escape(lock.path)}: {selected}{made_by}", width, 2)
    for environment in report.environments:
        label = "runtime" if environment.runtime else "also there"
        yield from labelled(label, _environment(environment), width, 2)
    amounts = [
        f"{plural(checked.files, 'file')} ({human_bytes(checked.bytes)})",
        plural(checked.packages, "package"),
    ]
    if checked.native_libraries:
        amounts.append(f"native libraries: {checked.native_libraries:,}")
    yield from labelled("content", ", ".join(amounts), width, 2)
    tally = Counter(row.attested for row in report.packages)
    attested = [f"{tally[each]:,} {each}" for each in AttestationState if tally[each]]
    if attested:
        yield from labelled("attested", ", ".join(attested), width, 2)


def _environment(environment: ReportEnvironment) -> str:
    python = f"Python {escape(environment.python_version or 'of unknown version')}"
    count = plural(environment.distributions, "distribution")
    reason = f" ({clip(environment.runtime_reason, _TEXT)})" if environment.runtime else ""
    return f"{escape(environment.prefix)}: {python}, {count}{reason}"


def _not_checked(report: Report, width: int) -> Iterator[Line]:
    unchecked = [finding.code for finding in report.findings if is_unchecked(finding)]
    if not unchecked and not report.not_checked:
        return
    yield from heading("Not checked")
    for item in report.not_checked:
        text = f"{clip(item.what, _NAME)}: {clip(item.why, _TEXT)}"
        yield from wrapped(text, width, "  ", 4)
    for code in sorted(set(unchecked)):
        text = f"{escape(code)}: {plural(unchecked.count(code), 'finding')} above"
        yield from wrapped(text, width, "  ", 4)


def _policy(report: Report, width: int) -> Iterator[Line]:
    if report.policy_notes:
        yield from heading("Policy entries without effect")
    for note in report.policy_notes:
        yield from wrapped(clip(policy_note(note), _TEXT), width, "  ", 4)
