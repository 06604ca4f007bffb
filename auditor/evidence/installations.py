"""Which installed distribution a name stands for: the first on the import path.

Python imports, and `pip list` names, the distribution whose directory comes first on
`sys.path`; the others of the same name are shadowed by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from auditor.model import Distribution, Environment, Expectation, LockedPackage


@dataclass(frozen=True, slots=True)
class Installation:
    """What one environment holds under one name."""

    chosen: Distribution
    """The one that is compared: the locked version where the first directory has several."""
    duplicates: tuple[Distribution, ...] = ()
    """Others of that name in the same directory, by metadata folder."""
    shadowed: tuple[Distribution, ...] = ()
    """Others of that name in later directories of the import path."""


def installations(environment: Environment, expectation: Expectation) -> dict[str, Installation]:
    """Return what the environment holds, by normalised name, sorted."""
    by_name: dict[str, list[Distribution]] = {}
    for distribution in environment.distributions:
        by_name.setdefault(distribution.name, []).append(distribution)
    result: dict[str, Installation] = {}
    for name in sorted(by_name):
        location = by_name[name][0].location
        together = [each for each in by_name[name] if each.location == location]
        locked = expectation.packages.get(name)
        version = locked.version if locked else None
        chosen = next(
            (each for each in together if same_version(each.version, version)), together[0]
        )
        result[name] = Installation(
            chosen,
            tuple(each for each in together if each is not chosen),
            tuple(each for each in by_name[name] if each.location != location),
        )
    return result


def same_version(installed: str, locked: Version | str | None) -> bool:
    """Compare by PEP 440, local versions included; by letters where one is no such version."""
    if locked is None:
        return False
    try:
        return Version(installed) == (Version(locked) if isinstance(locked, str) else locked)
    except InvalidVersion:
        return installed == str(locked)


def has_locked_version(distribution: Distribution, locked: LockedPackage) -> bool:
    """Return whether a distribution has the locked version, or the lock leaves that open."""
    return locked.version is None or same_version(distribution.version, locked.version)
