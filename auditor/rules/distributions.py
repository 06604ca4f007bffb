"""Family 1: what is installed in the runtime environment against what the lock selects.

Distributions of the operating system's own packages are exempt: its package manager answers
for them. A locked package that only such a distribution provides is still compared by version.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from auditor.artifacts.manifest import Absence
from auditor.evidence.claimed_artifact import artifact_by_hash
from auditor.evidence.installations import same_version
from auditor.inventory.distributions.bootstrap_tools import BOOTSTRAP
from auditor.model import IdentityKind, MetadataKind, Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import DirectUrl, Distribution, Environment, LockedPackage
    from auditor.rules.facts import Facts

_NAMED = 3
"""Artifacts or tags that a finding names."""


def is_bootstrap(facts: Facts, name: str, environment: Environment | None = None) -> bool:
    """Return whether an unlocked distribution is a bootstrap tool (LI108), not drift.

    It lies in `environment`, in the runtime one where none is given.
    """
    where = environment or facts.runtime
    seeded = where is not None and where.has_seed_packages
    return name in BOOTSTRAP or (seeded and name == "packaging")


def _extras(facts: Facts) -> Iterator[Distribution]:
    """Yield what is installed and neither selected, the system's, nor the project's own."""
    undecided = facts.expectation.undecided
    for name, found in facts.installed.items():
        if (
            name not in facts.expectation.packages
            and name not in facts.own
            and name not in undecided
            and found.chosen.os_package is None
            and not is_bootstrap(facts, name)
        ):
            yield found.chosen


def _optional(facts: Facts, name: str) -> list[str]:
    """Return the extras and groups that would select `name`, each as words."""
    return [each.why for each in facts.expectation.unselected.get(name, ()) if each.optional]


def missing_distribution(facts: Facts) -> Iterator[Observation]:
    """LI101: selected by the lock, and not there under any name of the import path."""
    for name, package in facts.expectation.packages.items():
        if name not in facts.installed:
            version = f" {package.version}" if package.version else ""
            yield Observation(
                subject=name,
                message=f"{name}{version} is locked and not installed{_elsewhere(facts, name)}",
                environment=facts.prefix,
                expected=str(package.version) if package.version else None,
                lock_line=package.line,
            )


def _elsewhere(facts: Facts, name: str) -> str:
    """Say where else in the image the distribution is."""
    places = [
        f"{each.version} in {environment.prefix}"
        for environment in facts.inventory.environments
        if not environment.runtime
        for each in environment.distributions
        if each.name == name
    ]
    return f"; it is in an environment that does not run: {', '.join(places)}" if places else ""


def unlocked_distribution(facts: Facts) -> Iterator[Observation]:
    """LI102: installed, and no choice of the lock's extras and groups would select it."""
    for distribution in _extras(facts):
        if _optional(facts, distribution.name):
            continue
        left_out = facts.expectation.unselected.get(distribution.name, ())
        why = f": the lock has it only for {left_out[0].why}" if left_out else ""
        entry = facts.image.rootfs.lstat(distribution.metadata_path)
        if entry is not None and entry.layer is not None and entry.layer < facts.base_layers:
            why += " (from the base image)"
        yield Observation(
            subject=distribution.name,
            message=f"{distribution.name} {distribution.version} is installed and not locked{why}",
            path=distribution.metadata_path,
            environment=facts.prefix,
            actual=distribution.version,
            lock_line=left_out[0].line if left_out else None,
        )


def version_differs(facts: Facts) -> Iterator[Observation]:
    """LI103: the installed version is not the locked one (PEP 440, local versions included)."""
    for name, package in facts.expectation.packages.items():
        found = facts.installed.get(name)
        if found is None or package.version is None:
            continue
        if not same_version(found.chosen.version, package.version):
            yield Observation(
                subject=name,
                message=f"locked {package.version}, installed {found.chosen.version}",
                path=found.chosen.metadata_path,
                environment=facts.prefix,
                expected=str(package.version),
                actual=found.chosen.version,
                lock_line=package.line,
            )


def duplicate_metadata(facts: Facts) -> Iterator[Observation]:
    """LI104: several metadata folders of one distribution in one directory."""
    for name, found in facts.installed.items():
        together = [found.chosen, *found.duplicates]
        together = [each for each in together if each.os_package is None]
        if len(together) > 1:
            folders = sorted(posixpath.basename(each.metadata_path) for each in together)
            package = facts.expectation.packages.get(name)
            yield Observation(
                subject=name,
                message=f"{len(folders)} metadata folders: {', '.join(folders)}",
                path=found.chosen.location,
                environment=facts.prefix,
                expected=str(package.version) if package and package.version else None,
                actual=", ".join(sorted(each.version for each in together)),
                lock_line=package.line if package else None,
            )


def other_platform(facts: Facts) -> Iterator[Observation]:
    """LI105: the WHEEL file names no platform and Python that the image has."""
    for name, proof in facts.proofs.items():
        identity = proof.identity
        if identity is None or identity.kind is not IdentityKind.OTHER_PLATFORM:
            continue
        package = facts.expectation.packages[name]
        files = [posixpath.basename(check.path) for check in proof.files]
        compared = (
            f"; {len(files):,} files are not those of {proof.against}" if proof.against else ""
        )
        yield Observation(
            subject=name,
            message=f"from an artifact for another platform or Python: {identity.clause}{compared}",
            path=posixpath.join(proof.distribution.metadata_path, "WHEEL"),
            environment=facts.prefix,
            expected=" or ".join(artifact.filename for artifact in package.artifacts[:_NAMED]),
            actual=", ".join(proof.distribution.wheel_tags[:_NAMED]),
            lock_line=package.line,
        )


def origin_differs(facts: Facts) -> Iterator[Observation]:
    """LI106: direct_url.json names another source than the lock does."""
    for name, package in facts.expectation.packages.items():
        found = facts.installed.get(name)
        if found is None or found.chosen.direct_url is None or found.chosen.os_package:
            continue
        absences = (each.absence for each in facts.absent.get(name, ()))
        if found.chosen.direct_url.hashes and Absence.MISMATCH in absences:
            continue  # LI907: it is the lock's hash that fits nothing
        difference = _origin_difference(found.chosen, package)
        if difference:
            expected, actual = difference
            yield Observation(
                subject=name,
                message=f"installed from {actual}, locked as {expected}",
                path=posixpath.join(found.chosen.metadata_path, found.chosen.direct_url.file),
                environment=facts.prefix,
                expected=expected,
                actual=actual,
                lock_line=package.line,
            )


def _origin_difference(
    distribution: Distribution, package: LockedPackage
) -> tuple[str, str] | None:
    """Return the locked and the recorded origin where the two cannot both be true."""
    claim = distribution.direct_url
    if claim is None:
        return None
    if package.vcs is not None:
        same = claim.is_vcs and claim.commit_id == package.vcs.commit_id
        return None if same else (f"commit {package.vcs.commit_id}", _claimed(claim))
    if package.directory is not None:
        # A wheel that the project was built into is as good as the directory itself.
        return (f"directory {package.directory.path}", _claimed(claim)) if claim.is_vcs else None
    if _may_be_locked(claim, distribution, package):
        return None
    names = [artifact.filename for artifact in package.artifacts]
    return f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}", _claimed(claim)


def _claimed(claim: DirectUrl) -> str:
    """Return where direct_url.json says that a distribution came from."""
    if claim.is_vcs:
        return f"commit {claim.commit_id} of {claim.url}"
    stated = ", ".join(f"{name}:{digest}" for name, digest in sorted(claim.hashes.items()))
    return f"{claim.url} ({stated})" if stated else claim.url


def _may_be_locked(claim: DirectUrl, distribution: Distribution, package: LockedPackage) -> bool:
    """Return whether direct_url.json can name one of the locked artifacts.

    What it leaves out contradicts nothing: uv records no hash for a local file, so its name
    must do. An editable install is LI107's.
    """
    if claim.is_vcs or claim.is_directory:
        return claim.editable
    if claim.hashes:
        return artifact_by_hash(distribution, package) is not None
    filename = unquote(posixpath.basename(urlsplit(claim.url).path))
    return any(artifact.filename == filename for artifact in package.artifacts)


def editable_install(facts: Facts) -> Iterator[Observation]:
    """LI107: editable where the lock does not say so, or with its source gone."""
    for name, found in facts.installed.items():
        chosen = found.chosen
        editable = chosen.kind is MetadataKind.EGG_LINK or (
            chosen.direct_url is not None and chosen.direct_url.editable
        )
        if not editable or chosen.os_package is not None:
            continue
        package = facts.expectation.packages.get(name)
        gone = chosen.source is not None and facts.image.rootfs.stat(chosen.source) is None
        locked = bool(package and package.directory and package.directory.editable)
        if gone or not (locked or name in facts.own):
            what = f"its source {chosen.source} is gone" if gone else f"from {chosen.source}"
            yield Observation(
                subject=name,
                message=f"editable install, {what}",
                path=chosen.metadata_path,
                environment=facts.prefix,
                lock_line=package.line if package else None,
            )


def bootstrap_tool(facts: Facts) -> Iterator[Observation]:
    """LI108: pip, setuptools, wheel or uv that the lock does not name, in any environment."""
    for environment in facts.inventory.environments:
        found = (
            [each.chosen for each in facts.installed.values()]
            if environment.runtime
            else environment.distributions
        )
        for distribution in found:
            name = distribution.name
            locked = environment.runtime and name in facts.expectation.packages
            if (
                is_bootstrap(facts, name, environment)
                and not locked
                and distribution.os_package is None
            ):
                yield Observation(
                    subject=name,
                    message=(
                        f"{name} {distribution.version} is installed in {environment.prefix} "
                        "and not locked"
                    ),
                    path=distribution.metadata_path,
                    environment=environment.prefix,
                    actual=distribution.version,
                )


def unselected_extra_or_group(facts: Facts) -> Iterator[Observation]:
    """LI109: installed, and locked only for an extra or group that was not selected."""
    for distribution in _extras(facts):
        optional = _optional(facts, distribution.name)
        if optional:
            left_out = facts.expectation.unselected[distribution.name]
            yield Observation(
                subject=distribution.name,
                message=(
                    f"{distribution.name} {distribution.version} is installed; the lock has it "
                    f"only for {' or '.join(sorted(set(optional)))}"
                ),
                path=distribution.metadata_path,
                environment=facts.prefix,
                actual=distribution.version,
                lock_line=next(each.line for each in left_out if each.optional),
            )
