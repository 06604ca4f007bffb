"""Family 4, environments: what is installed where the image never looks, and what cannot run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.evidence.installations import same_version
from auditor.model import Observation
from auditor.rules.distributions import is_bootstrap
from auditor.wording import plural

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
    """Describe a distribution that the image does not run, and how it differs from the lock."""
    name, version = distribution.name, distribution.version
    packages, locked = facts.expectation.packages, facts.locked_version(name)
    managed = " (externally managed)" if environment.externally_managed else ""
    place = f"{environment.prefix}{managed}"
    clauses = [f"{name} {version} is installed in {place}, where {facts.prefix} does not look"]
    own = facts.installed.get(name)
    if own is not None:
        clauses.append(f"the runtime has its own {own.chosen.version}")
    if packages and name not in packages:
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
        lock_line=facts.lock_line(name),
    )


def shadowed_module(facts: Facts) -> Iterator[Observation]:
    """LI403: something before a locked distribution on `sys.path` is imported in its place."""
    for shadow in facts.shadowing.shadows:
        name = shadow.distribution.name
        if name not in facts.own:
            yield facts.about(
                name,
                f"{shadow.entry.path}, {shadow.entry.origin}, has a {shadow.module} that is "
                f"imported instead of the one in {shadow.distribution.location}",
                shadow.path,
            )


def unusable_environment(facts: Facts) -> Iterator[Observation]:
    """LI404: an interpreter that is missing, or looks in a directory without the packages."""
    unusable = [each for each in facts.inventory.environments if each.unusable_reason]
    for prefix, environment in {each.prefix: each for each in reversed(unusable)}.items():
        held = f" ({plural(len(environment.distributions), 'distribution')})"
        message = f"{environment.unusable_reason}{held if environment.distributions else ''}"
        yield Observation(prefix, message, prefix, prefix)
