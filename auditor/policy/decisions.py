"""What the policy decides about a single file or package."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.model import DeclaredNative, Degree, Policy


def declared(
    policy: Policy,
    paths: Iterable[str],
    soname: str | None,
    sha256: str | None,
    build_id: str | None,
) -> DeclaredNative | None:
    """Return the declaration that is about a file of the image, by all its paths, or None.

    Of several (a build for each platform) the one that the file equals is given. Whether it
    does equal is `DeclaredNative.difference`: a file that differs from its declaration is drift.
    """
    found = [
        each
        for path in paths
        for each in policy.natives
        if each.path in {None, path} and each.soname in {None, soname}
    ]
    equal = (each for each in found if each.difference(sha256, build_id) is None)
    return next(equal, found[0] if found else None)


def required_degrees(
    policy: Policy, default: Degree | None, names: Iterable[str]
) -> dict[str, Degree]:
    """Return the least evidence that the policy, or else `default`, requires of each name."""
    found: dict[str, Degree] = {}
    for name in names:
        own = (each.degree for each in policy.requirements if fnmatchcase(name, each.name))
        degree = next(own, default)
        if degree is not None:
            found[name] = degree
    return found
