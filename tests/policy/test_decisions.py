from __future__ import annotations

import pytest

from auditor.model import DeclaredNative, Degree, Policy, Requirement
from auditor.policy import declared, required_degrees

ONE, TWO = "1" * 64, "2" * 64
BY_PATH = DeclaredNative("s", "amd64", path="/lib/libx.so.1", sha256=ONE, line=3)
OTHER_BUILD = DeclaredNative("s", "arm64", path="/lib/libx.so.1", sha256=TWO)
BY_SONAME = DeclaredNative("s", "soname", soname="libx.so.1", build_id="ab")
BY_BOTH = DeclaredNative("s", "both", path="/lib/libx.so.1", soname="libx.so.1", sha256=ONE)
DECLARED = {
    "path": ([BY_PATH], "/lib/libx.so.1", None, ONE, None, BY_PATH),
    "other-path": ([BY_PATH], "/lib/liby.so.1", None, ONE, None, None),
    "other-bytes": ([BY_PATH], "/lib/libx.so.1", None, TWO, None, BY_PATH),
    "one-of-two": ([BY_PATH, OTHER_BUILD], "/lib/libx.so.1", None, TWO, None, OTHER_BUILD),
    "soname": ([BY_SONAME], "/a", "libx.so.1", ONE, "ab", BY_SONAME),
    "no-soname": ([BY_SONAME], "/a", None, ONE, "ab", None),
    "both": ([BY_BOTH], "/lib/libx.so.1", "libx.so.1", ONE, None, BY_BOTH),
    "one-of-both": ([BY_BOTH], "/lib/libx.so.1", "libz.so", ONE, None, None),
    "nothing-declared": ([], "/lib/libx.so.1", "libx.so.1", ONE, "ab", None),
}


@pytest.mark.parametrize(
    ("natives", "path", "soname", "sha256", "build_id", "found"), DECLARED.values(), ids=DECLARED
)
def test_declared(  # noqa: PLR0917 -- the columns of the table
    natives: list[DeclaredNative],
    path: str,
    soname: str | None,
    sha256: str,
    build_id: str | None,
    found: DeclaredNative | None,
) -> None:
    policy = Policy(natives=tuple(natives))
    assert declared(policy, [path], soname, sha256, build_id) is found


ENTRIES = {
    "equal": (BY_PATH, ONE, None, None),
    "other-bytes": (BY_PATH, TWO, None, (f"sha256 {ONE}", f"sha256 {TWO}")),
    "equal-build-id": (BY_SONAME, TWO, "ab", None),
    "other-build-id": (BY_SONAME, TWO, "cd", ("build-id ab", "build-id cd")),
    "no-build-id": (BY_SONAME, TWO, None, ("build-id ab", "no build-id")),
}


@pytest.mark.parametrize(
    ("entry", "sha256", "build_id", "difference"), ENTRIES.values(), ids=ENTRIES
)
def test_difference(
    entry: DeclaredNative, sha256: str, build_id: str | None, difference: tuple[str, str] | None
) -> None:
    assert entry.difference(sha256, build_id) == difference


REQUIRING = (
    Requirement("numpy", Degree.BUILT),
    Requirement("scikit-*", Degree.RECORDED),
    Requirement("*", Degree.VERSION),
)


@pytest.mark.parametrize(
    ("requirements", "default", "expected"),
    [
        (REQUIRING, Degree.PROVEN, [Degree.BUILT, Degree.RECORDED, Degree.VERSION, Degree.VERSION]),
        (REQUIRING[:1], None, [Degree.BUILT]),
        (REQUIRING[:1], Degree.PROVEN, [Degree.BUILT, *[Degree.PROVEN] * 3]),
    ],
    ids=["first-that-fits", "no-default", "default"],
)
def test_required_degrees(
    requirements: tuple[Requirement, ...], default: Degree | None, expected: list[Degree]
) -> None:
    names = ["numpy", "scikit-learn", "scikit", "requests"]
    found = required_degrees(Policy(requirements=requirements), default, names)
    assert found == dict(zip(names, expected, strict=False))
