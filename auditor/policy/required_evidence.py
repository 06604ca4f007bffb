"""How much evidence the policy asks for, package by package."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from auditor.model import PolicyNote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from auditor.model import Degree, Policy


def required_degrees(
    policy: Policy, default: Degree | None, names: Iterable[str]
) -> dict[str, Degree]:
    """Return the least evidence for every name that the policy, or else `default`, asks it of."""
    found: dict[str, Degree] = {}
    for name in names:
        own = (each.degree for each in policy.requirements if fnmatchcase(name, each.name))
        degree = next(own, default)
        if degree is not None:
            found[name] = degree
    return found


def idle_requirements(policy: Policy, names: Collection[str]) -> Iterator[PolicyNote]:
    """Yield a note for every requirement that none of the selected packages' `names` meets.

    Where nothing at all could be selected, none is idle.
    """
    for each in policy.requirements if names else ():
        if not any(fnmatchcase(name, each.name) for name in names):
            near = get_close_matches(each.name, sorted(names), 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            entry = f"[require] {each.name}"
            yield PolicyNote(
                entry, f"the lock selects no such package{meant}", policy.path, each.line
            )
