"""Findings that do not count: by the policy, and by `--ignore` and `--select`."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.model import PolicyNote, Severity
from auditor.report.document import Ignored
from auditor.wording import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from auditor.model import IgnoreEntry, Observation, Policy


@dataclass(frozen=True, slots=True)
class Threshold:
    """Which findings count, by the caller's choice."""

    fail_on: Severity | None = Severity.WARNING
    """The least severity that counts; None: the exit code is 0 whatever is found."""
    select: tuple[str, ...] = ()
    """Prefixes of the codes that count; empty: all."""
    ignore: tuple[str, ...] = ()
    """Prefixes of the codes that do not count."""


def ignored_by_policy(policy: Policy, code: str, observation: Observation) -> Ignored | None:
    """Return the reason of the first `[[ignore]]` that holds and matches; None without one."""
    for entry in policy.ignores:
        if not is_expired(entry, policy) and is_match(entry, code, observation):
            return Ignored(entry.reason, entry.until.isoformat() if entry.until else None)
    return None


def ignored_by_choice(threshold: Threshold, code: str) -> Ignored | None:
    """Return why a finding is left out by `--ignore` or `--select`; None where it is not."""
    if threshold.ignore and code.startswith(threshold.ignore):
        return Ignored("--ignore")
    if threshold.select and not code.startswith(threshold.select):
        return Ignored("not in --select")
    return None


def idle_entries(
    policy: Policy, found: Collection[tuple[str, Observation]], rules: Collection[str]
) -> Iterator[PolicyNote]:
    """Yield a note for every `[[ignore]]` that has expired or has nothing to ignore.

    `found` are the codes and observations of the audit, `rules` the codes that it looked for:
    an entry about others may well be needed.
    """
    for entry in policy.ignores:
        matches = sum(is_match(entry, code, observation) for code, observation in found)
        why = ""
        if is_expired(entry, policy):
            why = f"expired after {entry.until}; it matches {plural(matches, 'finding')}"
        elif not matches and entry.codes.intersection(rules):
            why = "no finding matches it"
        if why:
            shown = f"[[ignore]] {entry.code} {entry.subject}"
            yield PolicyNote(shown, why, policy.path, entry.line)


def is_expired(entry: IgnoreEntry, policy: Policy) -> bool:
    """Return whether the entry's last day lies before the day of the audit."""
    return entry.until is not None and entry.until < policy.today


def is_match(entry: IgnoreEntry, code: str, observation: Observation) -> bool:
    """Return whether the entry is about a finding of this code and observation."""
    return (
        code in entry.codes
        and _is_subject(entry.subject, observation.subject)
        and (entry.path is None or fnmatchcase(observation.path or "", entry.path))
    )


def _is_subject(pattern: str, subject: str) -> bool:
    # People write a distribution's name as they know it; a subject is the normalised one.
    return fnmatchcase(subject, pattern) or (
        "/" not in pattern and fnmatchcase(subject, canonicalize_name(pattern))
    )
