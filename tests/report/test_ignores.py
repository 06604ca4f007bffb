from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from auditor.model import IgnoreEntry, Policy
from auditor.report.ignores import idle_entries, set_aside
from tests.builders.reports import finding

TODAY = date(2030, 6, 1)
REQUESTS = finding("LI103", "requests", "locked 1, installed 2")
LIBRARY = replace(finding("LI201", "numpy", "differs"), path="/opt/venv/lib/libx.so")
FOUND = (REQUESTS, LIBRARY)


def entry(code: str, subject: str, path: str | None = None, days: int | None = None) -> IgnoreEntry:
    until = None if days is None else TODAY + timedelta(days)
    return IgnoreEntry(code, frozenset({code}), subject, "because", path, until, line=7)


def policy(*entries: IgnoreEntry) -> Policy:
    return Policy(entries, today=TODAY, path="auditor.toml")


@pytest.mark.parametrize(
    ("ignore", "ignored"),
    [
        pytest.param(entry("LI103", "requests"), ["requests"], id="exact"),
        pytest.param(entry("LI103", "Requests"), ["requests"], id="other-spelling"),
        pytest.param(entry("LI103", "req*"), ["requests"], id="glob"),
        pytest.param(entry("LI103", "request"), [], id="not-a-prefix"),
        pytest.param(entry("LI201", "requests"), [], id="other-code"),
        pytest.param(entry("LI201", "*", path="/opt/*"), ["numpy"], id="path"),
        pytest.param(entry("LI201", "*", path="/usr/*"), [], id="other-path"),
        pytest.param(entry("LI103", "*", path="/?*"), [], id="no-path"),
        pytest.param(entry("LI103", "*", days=0), ["requests"], id="last-day"),
        pytest.param(entry("LI103", "*", days=-1), [], id="expired"),
    ],
)
def test_what_an_entry_ignores(ignore: IgnoreEntry, ignored: list[str]) -> None:
    found = set_aside(policy(ignore), FOUND)
    assert [each.subject for each in found if each.ignored] == ignored
    assert len(found) == len(FOUND)


def test_reason_and_date_are_kept() -> None:
    (found, _) = set_aside(policy(entry("LI103", "*", days=3)), FOUND)
    assert found.ignored is not None
    assert (found.ignored.reason, found.ignored.until) == ("because", "2030-06-04")


@pytest.mark.parametrize(
    ("ignore", "judged", "why"),
    [
        pytest.param(entry("LI103", "requests"), {"LI103"}, [], id="used"),
        pytest.param(entry("LI103", "flask"), {"LI103"}, ["nothing was found that"], id="unused"),
        pytest.param(entry("LI103", "flask"), {"LI905"}, [], id="not-judged"),
        pytest.param(
            entry("LI103", "requests", days=-1),
            {"LI103"},
            ["expired after 2030-05-31; it meets 1 of the findings"],
            id="expired",
        ),
    ],
)
def test_entries_without_effect(ignore: IgnoreEntry, judged: set[str], why: list[str]) -> None:
    notes = list(idle_entries(policy(ignore), FOUND, judged))
    assert [note.why[: len(start)] for note, start in zip(notes, why, strict=True)] == why
    assert {(note.path, note.line) for note in notes} <= {("auditor.toml", 7)}


def test_a_policy_without_a_day_lets_nothing_last() -> None:
    found = set_aside(Policy((entry("LI103", "*", days=9_999),)), FOUND)
    assert not any(each.ignored for each in found)
