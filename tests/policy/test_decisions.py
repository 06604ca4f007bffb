from __future__ import annotations

import pytest

from auditor.model import DeclaredNative, Degree, Policy, Requirement
from auditor.policy import declared, required_degrees

ONE, TWO = "1" * 64, "2" * 64
BY_PATH = DeclaredNative("s", "amd64", path="/lib/libx.so.1", sha256=ONE, line=3)
OTHER_BUILD = DeclaredNative("s", "arm64", path="/lib/libx.so.1", sha256=TWO)
BY_SONAME = DeclaredNative("s", "soname", soname="libx.so.1", build_id="ab")
BY_BOTH = DeclaredNative("s", "both", path="/lib/libx.so.1", soname="libx.so.1", sha256=ONE)


@pytest.mark.parametrize(
    ("natives", "path", "soname", "sha256", "build_id", "found"),
    [
        pytest.param([BY_PATH], "/lib/libx.so.1", None, ONE, None, BY_PATH, id="path"),
        pytest.param([BY_PATH], "/lib/liby.so.1", None, ONE, None, None, id="other-path"),
        pytest.param([BY_PATH], "/lib/libx.so.1", None, TWO, None, BY_PATH, id="other-bytes"),
        pytest.param(
            [BY_PATH, OTHER_BUILD], "/lib/libx.so.1", None, TWO, None, OTHER_BUILD, id="one-of-two"
        ),
        pytest.param([BY_SONAME], "/a", "libx.so.1", ONE, "ab", BY_SONAME, id="soname"),
        pytest.param([BY_SONAME], "/a", None, ONE, "ab", None, id="no-soname"),
        pytest.param([BY_BOTH], "/lib/libx.so.1", "libx.so.1", ONE, None, BY_BOTH, id="both"),
        pytest.param([BY_BOTH], "/lib/libx.so.1", "libz.so", ONE, None, None, id="one-of-both"),
        pytest.param([], "/lib/libx.so.1", "libx.so.1", ONE, "ab", None, id="nothing-declared"),
    ],
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
    assert declared(policy, path, soname, sha256, build_id) is found


@pytest.mark.parametrize(
    ("entry", "sha256", "build_id", "difference"),
    [
        pytest.param(BY_PATH, ONE, None, None, id="equal"),
        pytest.param(BY_PATH, TWO, None, (f"sha256 {ONE}", f"sha256 {TWO}"), id="other-bytes"),
        pytest.param(BY_SONAME, TWO, "ab", None, id="equal-build-id"),
        pytest.param(BY_SONAME, TWO, "cd", ("build-id ab", "build-id cd"), id="other-build-id"),
        pytest.param(BY_SONAME, TWO, None, ("build-id ab", "no build-id"), id="no-build-id"),
    ],
)
def test_difference(
    entry: DeclaredNative, sha256: str, build_id: str | None, difference: tuple[str, str] | None
) -> None:
    assert entry.difference(sha256, build_id) == difference


REQUIRING = Policy(
    requirements=(
        Requirement("numpy", Degree.BUILT),
        Requirement("scikit-*", Degree.RECORDED),
        Requirement("*", Degree.VERSION),
    )
)


@pytest.mark.parametrize(
    ("name", "degree"),
    [
        ("numpy", Degree.BUILT),
        ("scikit-learn", Degree.RECORDED),
        ("scikit", Degree.VERSION),
        ("requests", Degree.VERSION),
    ],
)
def test_the_first_entry_that_fits_decides(name: str, degree: Degree) -> None:
    assert required_degrees(REQUIRING, Degree.PROVEN, [name]) == {name: degree}


def test_what_no_entry_names_has_the_default() -> None:
    policy = Policy(requirements=REQUIRING.requirements[:1])
    names = ["numpy", "requests"]
    assert required_degrees(policy, None, names) == {"numpy": Degree.BUILT}
    assert required_degrees(policy, Degree.PROVEN, names) == {
        "numpy": Degree.BUILT,
        "requests": Degree.PROVEN,
    }
