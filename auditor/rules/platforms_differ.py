"""Whether the images of one reference for several platforms hold the same (LI410)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.evidence import installations
from auditor.evidence.installations import has_locked_version, same_version
from auditor.model import Observation
from auditor.rules.facts import why_not_comparable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Distribution, Expectation, Inventory, LockedPackage
    from auditor.rules.facts import Facts

    _Installed = tuple[Distribution | None, Distribution | None]
    _Locked = tuple[LockedPackage | None, LockedPackage | None]


def platforms_differ(facts: Facts) -> Iterator[Observation]:
    """LI410: a distribution in one platform's image alone, or in another version in each.

    What the lock selects for the two explains a difference where each holds just that. What
    the operating system's packages installed is left out.
    """
    others = facts.others or ()
    if not others or why_not_comparable(facts.inventory, facts.expectation):
        return
    here = _installed(facts.inventory, facts.expectation)
    for other in others:
        if why_not_comparable(other.inventory, other.expectation):
            continue
        there = _installed(other.inventory, other.expectation)
        platforms = (str(facts.image.config.platform), str(other.platform))
        undecided = facts.expectation.undecided | other.expectation.undecided
        for name in sorted((here.keys() | there.keys()) - undecided):
            pair = (here.get(name), there.get(name))
            locked = (facts.expectation.packages.get(name), other.expectation.packages.get(name))
            if _differ(*pair) and not _explained(pair, locked):
                yield _difference(facts, name, platforms, pair, locked)


def _installed(inventory: Inventory, expectation: Expectation) -> dict[str, Distribution]:
    """Return what the runtime environment's interpreter takes for each name."""
    found = installations(inventory.runtime, expectation) if inventory.runtime else {}
    return {name: each.chosen for name, each in found.items()}


def _differ(here: Distribution | None, there: Distribution | None) -> bool:
    if all(each is None or each.os_package is not None for each in (here, there)):
        return False
    if here is None or there is None:
        return True
    return not same_version(here.version, there.version)


def _explained(installed: _Installed, locked: _Locked) -> bool:
    """Return whether the lock selects two different things, and each platform holds its own."""
    if _choice(locked[0]) == _choice(locked[1]):
        return False
    return all(_fits(*each) for each in zip(installed, locked, strict=True))


def _choice(package: LockedPackage | None) -> object:
    """Return a value that is equal for two selections of the same."""
    if package is None:
        return None
    return package.version or (package.name, package.line)


def _fits(distribution: Distribution | None, package: LockedPackage | None) -> bool:
    if distribution is None or package is None:
        return distribution is None and package is None
    return has_locked_version(distribution, package)


def _difference(
    facts: Facts,
    name: str,
    platforms: tuple[str, str],
    installed: _Installed,
    locked: _Locked,
) -> Observation:
    here, there = ((each.version if each else None) for each in installed)
    package = locked[0] or locked[1]
    return Observation(
        subject=name,
        message=f"{platforms[0]} has {here or 'none'}, {platforms[1]} has {there or 'none'}; "
        f"{_selection(*locked)}",
        path=installed[0].metadata_path if installed[0] else None,
        environment=facts.prefix,
        expected=here,
        actual=there,
        lock_line=package.line if package else None,
    )


def _selection(here: LockedPackage | None, there: LockedPackage | None) -> str:
    """Return what the lock selects, as a clause."""
    if here is None and there is None:
        return "the lock selects it for neither"
    if _choice(here) == _choice(there):
        version = f"{here.version} " if here and here.version else "it "
        return f"the lock selects {version}for both"
    words = (str(each.version or "it") if each else "none" for each in (here, there))
    return f"the lock selects {' and '.join(words)}"
