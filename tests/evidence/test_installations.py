"""Which installed distribution answers for a name."""

from __future__ import annotations

import pytest
from packaging.version import Version

from auditor.evidence import installations
from auditor.evidence.installations import Installation, same_version
from auditor.model import Distribution, Environment, Expectation, LockedPackage, MetadataKind


def distribution(version: str, location: str) -> Distribution:
    info = f"{location}/idna-{version}.dist-info"
    return Distribution("idna", version, MetadataKind.DIST_INFO, info, location)


FIRST, LATER = distribution("3.9", "/a"), distribution("3.10", "/b")
LOCKED, OTHER = distribution("3.10", "/a"), distribution("3.8", "/a")


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ((FIRST, LATER), Installation(FIRST, (), (LATER,))),
        ((FIRST, LOCKED), Installation(LOCKED, (FIRST,))),
        ((FIRST, OTHER), Installation(FIRST, (OTHER,))),
    ],
    ids=["two-directories", "locked-in-the-same", "neither-locked"],
)
def test_which_installation_is_compared(
    held: tuple[Distribution, ...], expected: Installation
) -> None:
    environment = Environment("/usr", "/usr/bin/python", "3.11", (), True, "named", held)
    expectation = Expectation({"idna": LockedPackage("idna", Version("3.10"), 1)})
    assert installations(environment, expectation) == {"idna": expected}


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
