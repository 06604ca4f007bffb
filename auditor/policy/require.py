"""How much evidence the policy asks for, package by package."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.model import Degree, Policy


def required_degrees(
    policy: Policy, default: Degree | None, names: Iterable[str]
) -> dict[str, Degree]:
    """Give the least evidence for every name that the policy, or else `default`, asks it of."""
    found: dict[str, Degree] = {}
    for name in names:
        own = (each.degree for each in policy.requirements if fnmatchcase(name, each.name))
        degree = next(own, default)
        if degree is not None:
            found[name] = degree
    return found
