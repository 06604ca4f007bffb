"""Which installed distribution answers for a name."""

from __future__ import annotations

import pytest
from packaging.version import Version

from auditor.evidence import installations
from auditor.evidence.installations import same_version
from auditor.model import Distribution, Environment, Expectation, LockedPackage, MetadataKind


def distribution(version: str, location: str) -> Distribution:
    info = f"{location}/idna-{version}.dist-info"
    return Distribution("idna", version, MetadataKind.DIST_INFO, info, location)


def environment(*distributions: Distribution) -> Environment:
    return Environment("/usr", "/usr/bin/python", "3.11", (), True, "named", distributions)


EXPECTED = Expectation({"idna": LockedPackage("idna", Version("3.10"), 1)})


def test_the_first_directory_answers_and_hides_the_later_ones() -> None:
    first, later = distribution("3.9", "/a"), distribution("3.10", "/b")
    found = installations(environment(first, later), EXPECTED)["idna"]
    assert (found.chosen, found.duplicates, found.shadowed) == (first, (), (later,))


def test_of_two_in_one_directory_the_locked_one_is_judged() -> None:
    stale, locked = distribution("3.9", "/a"), distribution("3.10", "/a")
    found = installations(environment(stale, locked), EXPECTED)["idna"]
    assert (found.chosen, found.duplicates) == (locked, (stale,))


def test_of_two_in_one_directory_without_the_locked_one_the_first_is_judged() -> None:
    one, other = distribution("3.7", "/a"), distribution("3.8", "/a")
    assert installations(environment(one, other), Expectation({}))["idna"].chosen is one


@pytest.mark.parametrize(
    ("installed", "locked", "same"),
    [
        ("1.0", Version("1.0.0"), True),
        ("2024.01", "2024.1", True),
        ("2.13.0+cu130", Version("2.13.0"), False),
        ("1.0.post1", "1.0", False),
        ("not a version", "not a version", True),
        ("not a version", Version("1.0"), False),
        ("1.0", None, False),
    ],
)
def test_versions(installed: str, locked: Version | str | None, same: bool) -> None:
    assert same_version(installed, locked) is same
