from __future__ import annotations

from datetime import date, timedelta

import pytest

from auditor.model import IgnoreEntry, Observation, Policy
from auditor.report.ignores import idle_entries, ignored_by_policy

TODAY = date(2030, 6, 1)
REQUESTS = ("LI103", Observation("requests", "locked 1, installed 2"))
LIBRARY = ("LI201", Observation("numpy", "differs", "/opt/venv/lib/libx.so"))
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
    found = [each.subject for code, each in FOUND if ignored_by_policy(policy(ignore), code, each)]
    assert found == ignored


def test_reason_and_date_are_kept() -> None:
    ignored = ignored_by_policy(policy(entry("LI103", "*", days=3)), *REQUESTS)
    assert ignored is not None
    assert (ignored.reason, ignored.until) == ("because", "2030-06-04")


@pytest.mark.parametrize(
    ("ignore", "rules", "why"),
    [
        pytest.param(entry("LI103", "requests"), {"LI103"}, [], id="used"),
        pytest.param(entry("LI103", "flask"), {"LI103"}, ["no finding matches it"], id="unused"),
        pytest.param(entry("LI103", "flask"), {"LI905"}, [], id="no-such-rule"),
        pytest.param(
            entry("LI103", "requests", days=-1),
            {"LI103"},
            ["expired after 2030-05-31; it matches 1 finding"],
            id="expired",
        ),
    ],
)
def test_entries_without_effect(ignore: IgnoreEntry, rules: set[str], why: list[str]) -> None:
    notes = list(idle_entries(policy(ignore), FOUND, rules))
    assert [note.why for note in notes] == why
    assert {(note.path, note.line) for note in notes} <= {("auditor.toml", 7)}


def test_a_policy_without_a_day_lets_nothing_last() -> None:
    assert ignored_by_policy(Policy((entry("LI103", "*", days=9_999),)), *REQUESTS) is None
