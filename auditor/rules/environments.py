"""Family 4, environments: what is installed where the image never looks, and what cannot run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.evidence.installations import same_version
from auditor.model import Observation
from auditor.rules.distributions import is_bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Distribution, Environment
    from auditor.rules.facts import Facts


def unused_installation(facts: Facts) -> Iterator[Observation]:
    """LI402: installed in an environment that the runtime interpreter does not import from.

    Bootstrap tools are LI108's; what lies in an environment that cannot run is LI404's.
    """
    if facts.runtime is None:
        return
    for environment in facts.inventory.environments:
        if environment.runtime or environment.unusable_reason:
            continue
        for distribution in environment.distributions:
            name = distribution.name
            if distribution.os_package is None and not is_bootstrap(facts, name, environment):
                yield _unused(facts, environment, distribution)


def _unused(facts: Facts, environment: Environment, distribution: Distribution) -> Observation:
    """Describe a distribution that nobody runs: what shadows it, and how it differs."""
    name, version = distribution.name, distribution.version
    package = facts.expectation.packages.get(name)
    locked = str(package.version) if package and package.version else None
    managed = " (externally managed)" if environment.externally_managed else ""
    place = f"{environment.prefix}{managed}"
    clauses = [f"{name} {version} is installed in {place}, where {facts.prefix} never looks"]
    own = facts.installed.get(name)
    if own is not None:
        clauses.append(f"the runtime's own {own.chosen.version} shadows it")
    if facts.expectation.packages and package is None:
        clauses.append("it is not in the lock")
    elif locked is not None:
        same = same_version(version, locked)
        clauses.append("the lock has the same version" if same else f"the lock has {locked}")
    if distribution.direct_url is not None:
        clauses.append(f"it came from {distribution.direct_url.url}")
    return Observation(
        subject=name,
        message="; ".join(clauses),
        path=distribution.metadata_path,
        environment=environment.prefix,
        expected=None if same_version(version, locked) else locked,
        actual=version,
        lock_line=package.line if package else None,
    )


def shadowed_module(facts: Facts) -> Iterator[Observation]:
    """LI403: something before a locked distribution on `sys.path` is imported in its place."""
    for shadow in facts.shadowing.shadows:
        name = shadow.distribution.name
        if name not in facts.own:
            package = facts.expectation.packages.get(name)
            yield Observation(
                subject=name,
                message=(
                    f"{shadow.entry.path}, {shadow.entry.origin}, has a {shadow.module} that is "
                    f"imported instead of the one in {shadow.distribution.location}"
                ),
                path=shadow.path,
                environment=facts.prefix,
                lock_line=package.line if package else None,
            )


def unusable_environment(facts: Facts) -> Iterator[Observation]:
    """LI404: an interpreter that is gone, or that looks elsewhere than the packages are."""
    told: set[str] = set()
    for environment in facts.inventory.environments:
        if environment.unusable_reason and environment.prefix not in told:
            told.add(environment.prefix)
            held = len(environment.distributions)
            what = f" ({held} distribution{'' if held == 1 else 's'})" if held else ""
            yield Observation(
                subject=environment.prefix,
                message=f"{environment.unusable_reason}{what}",
                path=environment.prefix,
                environment=environment.prefix,
            )
