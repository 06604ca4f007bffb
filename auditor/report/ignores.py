"""The policy applied: findings set aside, and the entries that set nothing aside."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.model import Ignored, PolicyNote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from auditor.model import Finding, IgnoreEntry, Policy


def set_aside(policy: Policy, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Mark the findings that an entry of the policy ignores; all stay."""
    entries = [each for each in policy.ignores if not is_expired(each, policy)]
    return tuple(_marked(finding, entries) for finding in findings)


def idle_entries(
    policy: Policy, findings: Collection[Finding], judged: Collection[str]
) -> Iterator[PolicyNote]:
    """Yield a note for every `[[ignore]]` that has expired or has nothing to ignore.

    `judged` are the codes that this audit looked for: about the others nothing is known.
    """
    for entry in policy.ignores:
        met = sum(1 for finding in findings if is_met(entry, finding))
        why = ""
        if is_expired(entry, policy):
            why = f"expired after {entry.until}; it meets {met} of the findings"
        elif not met and entry.codes.intersection(judged):
            why = "nothing was found that it could ignore"
        if why:
            shown = f"[[ignore]] {entry.code} {entry.subject}"
            yield PolicyNote(shown, why, policy.path, entry.line)


def is_expired(entry: IgnoreEntry, policy: Policy) -> bool:
    """Return whether the entry's last day lies before the day of the audit."""
    return entry.until is not None and entry.until < policy.today


def is_met(entry: IgnoreEntry, finding: Finding) -> bool:
    """Return whether a finding is one that the entry means."""
    return (
        finding.code in entry.codes
        and _is_subject(entry.subject, finding.subject)
        and (entry.path is None or fnmatchcase(finding.path or "", entry.path))
    )


def _is_subject(pattern: str, subject: str) -> bool:
    # People write a distribution's name as they know it; a subject is the normalised one.
    return fnmatchcase(subject, pattern) or (
        "/" not in pattern and fnmatchcase(subject, canonicalize_name(pattern))
    )


def _marked(finding: Finding, entries: Iterable[IgnoreEntry]) -> Finding:
    entry = next((each for each in entries if is_met(each, finding)), None)
    if entry is None:
        return finding
    until = entry.until.isoformat() if entry.until else None
    return replace(finding, ignored=Ignored(entry.reason, until))
