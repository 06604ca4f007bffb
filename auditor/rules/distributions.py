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
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import DirectUrl, Distribution, Environment, LockedPackage
    from auditor.rules.facts import Facts

_MOST_NAMED = 3
"""Artifacts or tags that a finding names."""


def is_bootstrap(facts: Facts, name: str, environment: Environment | None = None) -> bool:
    """Return whether an unlocked distribution is a bootstrap tool (LI108), not drift.

    It is one of `environment`, of the runtime one where none is given.
    """
    where = environment or facts.runtime
    seeded = where is not None and where.has_seed_packages
    return name in BOOTSTRAP or (seeded and name == "packaging")


def _extras(facts: Facts) -> Iterator[Distribution]:
    """Yield what is installed and neither selected, the system's, nor the project's own."""
    exempt = {*facts.expectation.packages, *facts.own, *facts.expectation.undecided}
    for name, found in facts.installed.items():
        if name not in exempt and found.chosen.os_package is None and not is_bootstrap(facts, name):
            yield found.chosen


def _optional(facts: Facts, name: str) -> list[str]:
    """Return the extras and groups that would select `name`, each as words."""
    return [each.why for each in facts.expectation.unselected.get(name, ()) if each.optional]


def missing_distribution(facts: Facts) -> Iterator[Observation]:
    """LI101: selected by the lock, and not there under any name of the import path."""
    for name in facts.expectation.packages:
        if name not in facts.installed:
            version = facts.locked_version(name)
            shown = f"{name} {version}" if version else name
            message = f"{shown} is locked but not installed{_elsewhere(facts, name)}"
            yield facts.about(name, message, expected=version)


def _elsewhere(facts: Facts, name: str) -> str:
    """Return a clause on where else in the image the distribution is."""
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
            distribution.name,
            f"{distribution.name} {distribution.version} is installed but not locked{why}",
            distribution.metadata_path,
            facts.prefix,
            actual=distribution.version,
            lock_line=left_out[0].line if left_out else None,
        )


def version_differs(facts: Facts) -> Iterator[Observation]:
    """LI103: the installed version is not the locked one (PEP 440, local versions included)."""
    for name, found in facts.installed.items():
        locked, chosen = facts.locked_version(name), found.chosen
        if locked is not None and not same_version(chosen.version, locked):
            path, actual = chosen.metadata_path, chosen.version
            message = f"{actual} is installed, {locked} is locked"
            yield facts.about(name, message, path, expected=locked, actual=actual)


def duplicate_metadata(facts: Facts) -> Iterator[Observation]:
    """LI104: several metadata folders of one distribution in one directory."""
    for name, found in facts.installed.items():
        several = [each for each in (found.chosen, *found.duplicates) if each.os_package is None]
        if len(several) > 1:
            folders = sorted(posixpath.basename(each.metadata_path) for each in several)
            yield facts.about(
                name,
                f"{len(folders)} metadata folders: {', '.join(folders)}",
                found.chosen.location,
                expected=facts.locked_version(name),
                actual=", ".join(sorted(each.version for each in several)),
            )


def other_platform(facts: Facts) -> Iterator[Observation]:
    """LI105: the WHEEL file names no platform and Python that the image has."""
    for name, proof in facts.proofs.items():
        identity = proof.identity
        if identity is None or identity.kind is not IdentityKind.OTHER_PLATFORM:
            continue
        files = f"; {len(proof.files):,} files differ from {proof.against}" if proof.against else ""
        artifacts = facts.expectation.packages[name].artifacts[:_MOST_NAMED]
        yield facts.about(
            name,
            f"installed from an artifact for another platform or Python: {identity.clause}{files}",
            posixpath.join(proof.distribution.metadata_path, "WHEEL"),
            expected=" or ".join(artifact.filename for artifact in artifacts),
            actual=", ".join(proof.distribution.wheel_tags[:_MOST_NAMED]),
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
        locked = _contradicted(found.chosen, found.chosen.direct_url, package)
        if locked:
            recorded = _recorded(found.chosen.direct_url)
            path = posixpath.join(found.chosen.metadata_path, found.chosen.direct_url.file)
            message = f"installed from {recorded}, locked as {locked}"
            yield facts.about(name, message, path, expected=locked, actual=recorded)


def _contradicted(distribution: Distribution, url: DirectUrl, package: LockedPackage) -> str:
    """Return the locked origin where it and direct_url.json cannot both be true; else nothing."""
    if package.vcs is not None:
        same = url.is_vcs and url.commit_id == package.vcs.commit_id
        return "" if same else f"commit {package.vcs.commit_id}"
    if package.directory is not None:
        # A wheel that the project was built into is as good as the directory itself.
        return f"directory {package.directory.path}" if url.is_vcs else ""
    if _may_be_locked(url, distribution, package):
        return ""
    return and_more((artifact.filename for artifact in package.artifacts), 1)


def _recorded(url: DirectUrl) -> str:
    """Return where direct_url.json says that a distribution came from."""
    if url.is_vcs:
        return f"commit {url.commit_id} of {url.url}"
    hashes = ", ".join(f"{name}:{digest}" for name, digest in sorted(url.hashes.items()))
    return f"{url.url} ({hashes})" if hashes else url.url


def _may_be_locked(url: DirectUrl, distribution: Distribution, package: LockedPackage) -> bool:
    """Return whether direct_url.json can name one of the locked artifacts.

    What it leaves out contradicts nothing: uv records no hash for a local file, so its name
    must do. An editable install is LI107's.
    """
    if url.is_vcs or url.is_directory:
        return url.editable
    if url.hashes:
        return artifact_by_hash(distribution, package) is not None
    filename = unquote(posixpath.basename(urlsplit(url.url).path))
    return any(artifact.filename == filename for artifact in package.artifacts)


def editable_install(facts: Facts) -> Iterator[Observation]:
    """LI107: editable where the lock does not say so, or with its source gone."""
    for name, found in facts.installed.items():
        chosen, url = found.chosen, found.chosen.direct_url
        editable = chosen.kind is MetadataKind.EGG_LINK or (url is not None and url.editable)
        if not editable or chosen.os_package is not None:
            continue
        package = facts.expectation.packages.get(name)
        gone = chosen.source is not None and facts.image.rootfs.stat(chosen.source) is None
        locked = bool(package and package.directory and package.directory.editable)
        if gone or not (locked or name in facts.own):
            what = f"whose source {chosen.source} is gone" if gone else f"from {chosen.source}"
            yield facts.about(name, f"editable install {what}", chosen.metadata_path)


def bootstrap_tool(facts: Facts) -> Iterator[Observation]:
    """LI108: pip, setuptools, wheel or uv that the lock does not name, in any environment."""
    for environment in facts.inventory.environments:
        found = (
            [each.chosen for each in facts.installed.values()]
            if environment.runtime
            else environment.distributions
        )
        for each in found:
            locked = environment.runtime and each.name in facts.expectation.packages
            exempt = locked or each.os_package is not None
            if not exempt and is_bootstrap(facts, each.name, environment):
                prefix = environment.prefix
                what = f"{each.name} {each.version} is installed in {prefix} but not locked"
                yield Observation(each.name, what, each.metadata_path, prefix, actual=each.version)


def unselected_extra_or_group(facts: Facts) -> Iterator[Observation]:
    """LI109: installed, and locked only for an extra or group that was not selected."""
    for distribution in _extras(facts):
        name, version = distribution.name, distribution.version
        if optional := _optional(facts, name):
            choices = " or ".join(sorted(set(optional)))
            left_out = facts.expectation.unselected[name]
            yield Observation(
                name,
                f"{name} {version} is installed but locked only for {choices}",
                distribution.metadata_path,
                facts.prefix,
                actual=version,
                lock_line=next(each.line for each in left_out if each.optional),
            )
