"""The degree of evidence: installed files against the locked artifacts, else against RECORD.

An installation is compared with the artifact that fits it, else with the nearest one that was
read, and with RECORD alone where an absent one may be the right one.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.evidence.artifact_search import (
    ArtifactComparison,
    ArtifactSearch,
    ProofContext,
    search_all,
    start_search,
)
from auditor.evidence.claimed_artifact import (
    artifact_by_hash,
    artifact_by_tags,
    claims_build,
    fits_nowhere,
    identify,
    is_portable,
)
from auditor.evidence.file_comparison import LockedFiles
from auditor.evidence.installations import has_locked_version
from auditor.evidence.record_check import check_recorded, compared_rows, count_bytecode
from auditor.model import Degree, FileCheck, FileState, Identity, IdentityKind, MetadataKind, Proof

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from packaging.tags import Tag

    from auditor.artifacts.manifest import Absent
    from auditor.evidence.installations import Installation
    from auditor.model import Distribution, Expectation, LockedPackage, Rootfs


def is_below(degree: Degree, required: Degree) -> bool:
    """Return whether one degree of evidence is worse than another."""
    order = list(Degree)
    return order.index(degree) > order.index(required)


@dataclass(frozen=True, slots=True)
class Proofs:
    """The result of comparing all installations."""

    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """By normalised name, for every installation."""
    absent: Mapping[str, tuple[Absent, ...]] = field(default_factory=dict)
    """By name: the artifacts that were wanted and absent."""


def prove(
    rootfs: Rootfs,
    found: Mapping[str, Installation],
    expectation: Expectation,
    context: ProofContext = ProofContext(),  # noqa: B008 -- immutable
) -> Proofs:
    """Compare every chosen installation with the locked artifacts.

    Without manifests, and where the lock names no artifact, files are compared with RECORD.
    Distributions of the operating system's packages are left to its own database.
    """
    chosen = {name: each.chosen for name, each in found.items()}
    own = {name: each for name, each in chosen.items() if each.os_package is None}
    locked_files = LockedFiles(each for name, each in own.items() if name in expectation.packages)
    searches = {
        name: start_search(rootfs, each, package)
        for name, each in chosen.items()
        if context.manifests is not None
        and (package := expectation.packages.get(name)) is not None
        and _is_comparable(each, package)
    }
    search_all(rootfs, searches, context, locked_files)
    by_artifact = {
        name: proof
        for name, search in searches.items()
        if (proof := _by_artifact(rootfs, search, context.tags)) is not None
    }
    left = {name: compared_rows(each) for name, each in own.items() if name not in by_artifact}
    checks = check_recorded(rootfs, left, locked_files.recorded)
    proofs = {
        name: by_artifact.get(name)
        or _by_record(
            rootfs, each, expectation.packages.get(name), checks.get(name, []), context.tags
        )
        for name, each in chosen.items()
    }
    absent = {name: tuple(each.absent) for name, each in searches.items() if each.absent}
    return Proofs(proofs, absent)


def _is_comparable(distribution: Distribution, locked: LockedPackage) -> bool:
    """Return whether an installation can come from an artifact of the lock."""
    return (
        distribution.kind is MetadataKind.DIST_INFO
        and distribution.source is None
        and distribution.os_package is None
        and has_locked_version(distribution, locked)
    )


def _by_artifact(rootfs: Rootfs, search: ArtifactSearch, tags: Collection[Tag]) -> Proof | None:
    """Return the proof by the artifact that is installed, or the nearest; None if undecided."""
    wheels = search.wheels
    fitting = next((each for each in wheels if each.fits), None)
    if fitting is not None:
        return _proof(rootfs, search, fitting, None)
    if claims_build(search.distribution, search.locked):
        sdists = (each.manifest for each in search.compared if not each.manifest.dist_info)
        own = {member.sha256 for sdist in sdists for member in sdist.members}
        wheel = next((each for each in wheels if _is_changed_wheel(rootfs, each, own)), None)
        if wheel is not None:
            clause = (
                "it claims to be built from source, but its native files are those of that wheel"
            )
            return _proof(rootfs, search, wheel, Identity(IdentityKind.COPY, clause))
    built = search.build
    if built is not None and not search.absent:
        identity = None if built.fits else Identity(IdentityKind.COPY, "")
        return _proof(rootfs, search, built, identity)
    nearest = _nearest(search, wheels)
    if nearest is None:
        return None
    identity = identify(search.distribution, nearest.manifest, tags)
    return _proof(rootfs, search, nearest, identity)


def _nearest(search: ArtifactSearch, wheels: list[ArtifactComparison]) -> ArtifactComparison | None:
    """Return the wheel that the installation names, else the one with fewest differences.

    None where it may be one that is absent and the installation names none. Tags name no wheel
    where it may have been built from an sdist: those of a pure build are the same.
    """
    distribution, locked = search.distribution, search.locked
    named = artifact_by_hash(distribution, locked) or artifact_by_tags(distribution, locked)
    named_wheel = next((each for each in wheels if each.artifact == named), None)
    if search.absent and search.may_be_built:
        return None
    if named_wheel is not None or search.absent:
        return named_wheel
    return min(wheels, key=lambda each: len(each.files.differing), default=None)


_GRAFTED = ".libs/"
"""In the paths of the libraries that auditwheel adds to a wheel."""


def _is_changed_wheel(rootfs: Rootfs, wheel: ArtifactComparison, own: Collection[bytes]) -> bool:
    """Return whether an installation that claims to be built in the image is a changed wheel.

    Two builds never give the same native files, and those of another toolchain not even the
    same size, which a patch leaves as it is. Only auditwheel fills a `.libs` folder and gives
    libraries the names that they have there. What the sdist holds itself (`own` digests) needs
    no building.
    """
    portable = is_portable(wheel.artifact)
    members = wheel.placed.members
    states = {check.path: check.state for check in wheel.files.checks}
    grafted = {posixpath.basename(path) for path in members if _GRAFTED in path}
    for path, member in members.items():
        elf = rootfs.facts(path).elf
        entry = rootfs.stat(path)
        sized = portable and entry is not None and entry.size == member.size
        same = (path not in states or sized) and member.sha256 not in own
        there = states.get(path) is not FileState.MISSING
        if elf is not None and (same or not grafted.isdisjoint(elf.needed)):
            return True
        if _GRAFTED in path and there:
            return True
    return False


def _proof(
    rootfs: Rootfs, search: ArtifactSearch, compared: ArtifactComparison, identity: Identity | None
) -> Proof:
    files = compared.files
    return Proof(
        distribution=search.distribution,
        degree=_degree(compared, search),
        files=tuple(files.checks),
        checked=files.compared,
        size=files.size,
        bytecode=count_bytecode(rootfs, search.distribution),
        artifact=compared.artifact,
        against=compared.artifact.filename,
        identity=identity,
    )


def _degree(compared: ArtifactComparison, search: ArtifactSearch) -> Degree:
    states = {check.state for check in compared.files.checks}
    if not compared.files.compared or states - {FileState.UNPROVEN, FileState.BUILT}:
        return Degree.VERSION
    if FileState.UNPROVEN in states:
        return Degree.RECORDED
    if not compared.manifest.dist_info:
        return Degree.BUILT
    return Degree.PROVEN if compared.manifest.verified else Degree.INDEXED


def _by_record(
    rootfs: Rootfs,
    distribution: Distribution,
    locked: LockedPackage | None,
    checks: list[FileCheck],
    tags: Collection[Tag],
) -> Proof:
    """Return the proof where the installation can only be compared with its own metadata."""
    degree, artifact, identity = Degree.NONE, None, None
    if locked is not None and has_locked_version(distribution, locked):
        intact = distribution.record is not None and all(
            check.state is FileState.INTACT for check in checks
        )
        degree = Degree.RECORDED if intact and checks else Degree.VERSION
        named = artifact_by_hash(distribution, locked)
        artifact = named or artifact_by_tags(distribution, locked)
        if degree is Degree.RECORDED and (named or _same_commit(distribution, locked)):
            degree = Degree.ORIGIN
        if locked.artifacts and named is None and fits_nowhere(distribution, tags):
            identity = identify(distribution, None, tags)
    return Proof(
        distribution=distribution,
        degree=degree,
        files=tuple(check for check in checks if check.state is not FileState.INTACT),
        checked=len(checks),
        size=sum(entry.size for check in checks if (entry := rootfs.stat(check.path))),
        bytecode=count_bytecode(rootfs, distribution),
        artifact=artifact,
        identity=identity,
    )


def _same_commit(distribution: Distribution, locked: LockedPackage) -> bool:
    return (
        locked.vcs is not None
        and distribution.direct_url is not None
        and distribution.direct_url.commit_id == locked.vcs.commit_id
    )
