"""What explains a difference between platforms, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.version import Version

from auditor.model import (
    Distribution,
    Environment,
    Expectation,
    Interpreter,
    Inventory,
    LockedPackage,
    LockMismatch,
    MetadataKind,
    OtherPlatform,
    Platform,
    Problem,
)
from auditor.rules.platforms_differ import platforms_differ
from tests.builders import image_of
from tests.builders.bare import facts_of

SITE = "/usr/lib/python3/dist-packages"
HERE, THERE = "linux/amd64", "linux/arm64"


def inventory(version: str | None, *, os_package: str | None = None) -> Inventory:
    """A runtime environment with one distribution, or none."""
    info = f"{SITE}/x.dist-info"
    held = Distribution(
        "x", version or "", MetadataKind.DIST_INFO, info, SITE, os_package=os_package
    )
    environment = Environment(
        "/usr", "/usr/bin/python3", "3.11.2", (SITE,), True, "test", (held,) if version else ()
    )
    interpreter = Interpreter(
        "/usr/bin/python3.11", "/usr", "cpython", "3.11.2",
        free_threaded=False, machine="x86_64", libc=None,
    )  # fmt: skip
    return Inventory((environment,), interpreter)


def locking(version: str | None, line: int = 1) -> Expectation:
    return Expectation({"x": LockedPackage("x", Version(version) if version else None, line)})


def compared(
    here: Inventory, there: Inventory, mine: Expectation, theirs: Expectation
) -> list[str]:
    facts = replace(
        facts_of(image_of()),
        inventory=here,
        expectation=mine,
        others=(OtherPlatform(Platform("linux", "arm64"), there, theirs),),
    )
    return [each.message for each in platforms_differ(facts)]


NOTHING = Expectation({})
UNDECIDED = Expectation({}, problems=(Problem("x", "its marker needs platform_release"),))
FOREIGN = Expectation({}, mismatches=(LockMismatch("x", "no wheel"),))
DIFFERENCES: dict[str, tuple[str | None, str | None, Expectation, Expectation, str | None]] = {
    "same-version": ("1.0", "1.0.0", NOTHING, NOTHING, None),
    "unlocked": ("1.0", "1.1", NOTHING, NOTHING, "the lock selects it for neither"),
    "missing": ("1.0", None, locking("1.0"), locking("1.0"), "the lock selects 1.0 for both"),
    "source-tree": ("1.0", "1.1", locking(None), locking(None), "the lock selects it for both"),
    "two-trees": ("1.0", "1.1", locking(None, 1), locking(None, 9), None),
    "each-its-own": ("1.0", "1.1", locking("1.0"), locking("1.1"), None),
    "not-its-own": ("1.0", "1.2", locking("1.0"), locking("1.1"), "the lock selects 1.0 and 1.1"),
    "locked-there": (None, "1.0", NOTHING, locking("1.0"), None),
    "crossed": (None, "1.0", locking("1.0"), NOTHING, "the lock selects 1.0 and none"),
    "undecided-here": ("1.0", "1.1", UNDECIDED, NOTHING, None),
    "undecided-there": ("1.0", "1.1", NOTHING, UNDECIDED, None),
    "not-for-this": ("1.0", "1.1", FOREIGN, NOTHING, None),
    "not-for-the-other": ("1.0", "1.1", NOTHING, FOREIGN, None),
}


@pytest.mark.parametrize(
    ("here", "there", "mine", "theirs", "clause"), DIFFERENCES.values(), ids=DIFFERENCES
)
def test_platforms(
    here: str | None, there: str | None, mine: Expectation, theirs: Expectation, clause: str | None
) -> None:
    found = compared(inventory(here), inventory(there), mine, theirs)
    versions = f"{HERE} has {here or 'none'}, {THERE} has {there or 'none'}"
    assert found == ([f"{versions}; {clause}"] if clause else [])


def test_operating_system_packages_are_their_own() -> None:
    system = inventory("1.0", os_package="python3-x")
    same = inventory("1.1", os_package="python3-x")
    for there, count in ((inventory(None), 0), (same, 0), (inventory("1.1"), 1)):
        assert len(compared(system, there, NOTHING, NOTHING)) == count
