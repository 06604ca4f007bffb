"""Which installed distribution answers for a name."""

from __future__ import annotations

import pytest
from packaging.version import Version

from auditor.evidence import Installation, installations
from auditor.evidence.installations import same_version
from auditor.model import Distribution, Environment, Expectation, LockedPackage, MetadataKind


def distribution(version: str, location: str) -> Distribution:
    info = f"{location}/idna-{version}.dist-info"
    return Distribution("idna", version, MetadataKind.DIST_INFO, info, location)


def environment(*distributions: Distribution) -> Environment:
    return Environment("/usr", "/usr/bin/python", "3.11", (), True, "named", distributions)


EXPECTED = Expectation({"idna": LockedPackage("idna", Version("3.10"), 1)})


OLDER, LATER = distribution("3.9", "/a"), distribution("3.10", "/b")
LOCKED, OTHER = distribution("3.10", "/a"), distribution("3.8", "/a")


@pytest.mark.parametrize(
    ("there", "expectation", "installation"),
    [
        ([OLDER, LATER], EXPECTED, Installation(OLDER, (), (LATER,))),
        ([OLDER, LOCKED], EXPECTED, Installation(LOCKED, (OLDER,))),
        ([OLDER, OTHER], Expectation({}), Installation(OLDER, (OTHER,))),
    ],
    ids=["first-directory", "locked-one", "first-one"],
)
def test_which_one_is_judged(
    there: list[Distribution], expectation: Expectation, installation: Installation
) -> None:
    assert installations(environment(*there), expectation) == {"idna": installation}


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
