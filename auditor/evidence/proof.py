"""The degree of evidence: installed files against the locked artifacts, else against RECORD.

An installation is judged by the artifact that it is, else by the nearest of those that could be
had, and by RECORD alone where one that it may be could not.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.evidence.artifact_search import Compared, ProofContext, Search, search_all, search_of
from auditor.evidence.claimed_artifact import (
    artifact_by_hash,
    artifact_by_tags,
    claims_build,
    fits_nowhere,
    identify,
    is_portable,
)
from auditor.evidence.installations import same_version
from auditor.evidence.record_check import check_recorded, compared_rows, count_bytecode
from auditor.evidence.wheel_pairing import Claims
from auditor.model import (
    Degree,
    FileCheck,
    FileState,
    Identity,
    IdentityKind,
    MetadataKind,
    Proof,
)

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
    """What the comparison of all installations gave."""

    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """By normalised name, for every installation."""
    absent: Mapping[str, tuple[Absent, ...]] = field(default_factory=dict)
    """By name: the artifacts that were asked for and could not be had."""


def prove(
    rootfs: Rootfs,
    found: Mapping[str, Installation],
    expectation: Expectation,
    means: ProofContext = ProofContext(),  # noqa: B008 -- immutable
) -> Proofs:
    """Compare every chosen installation with the locked artifacts; give the results by name.

    Without manifests, and for what the lock names no artifact of, RECORD is what files are
    compared with. Distributions of the operating system's packages are left to its own database.
    """
    chosen = {name: each.chosen for name, each in found.items()}
    own = {name: each for name, each in chosen.items() if each.os_package is None}
    claims = Claims({name: each for name, each in own.items() if name in expectation.packages})
    searches = {
        name: search_of(rootfs, each, package)
        for name, each in chosen.items()
        if means.manifests is not None
        and (package := expectation.packages.get(name)) is not None
        and _is_comparable(each, package)
    }
    search_all(rootfs, searches, means, claims)
    judged = {
        name: proof
        for name, search in searches.items()
        if (proof := _judge(rootfs, search, means.tags)) is not None
    }
    left = {name: compared_rows(each) for name, each in own.items() if name not in judged}
    checks = check_recorded(rootfs, left, claims.recorded)
    proofs = {
        name: judged.get(name)
        or _by_record(
            rootfs, each, expectation.packages.get(name), checks.get(name, []), means.tags
        )
        for name, each in chosen.items()
    }
    absent = {name: tuple(each.absent) for name, each in searches.items() if each.absent}
    return Proofs(proofs, absent)


def _is_comparable(distribution: Distribution, locked: LockedPackage) -> bool:
    """Return whether an installation can be what an artifact of the lock was unpacked to."""
    return (
        distribution.kind is MetadataKind.DIST_INFO
        and distribution.source is None
        and distribution.os_package is None
        and not _is_other_version(distribution, locked)
    )


def _is_other_version(distribution: Distribution, locked: LockedPackage | None) -> bool:
    return (
        locked is not None
        and locked.version is not None
        and not same_version(distribution.version, locked.version)
    )


def _judge(rootfs: Rootfs, search: Search, tags: Collection[Tag]) -> Proof | None:
    """Return the proof by the artifact that is installed, or the nearest; None where it is open."""
    wheels = search.wheels
    fitting = next((each for each in wheels if each.fits), None)
    if fitting is not None:
        return _proof(rootfs, search, fitting, None)
    if claims_build(search.distribution, search.locked):
        sdists = (each.manifest for each in search.compared if not each.manifest.dist_info)
        own = {member.sha256 for sdist in sdists for member in sdist.members}
        wheel = next((each for each in wheels if _is_passed_off(rootfs, each, own)), None)
        if wheel is not None:
            clause = "it says that it was built from source, but its native files are that wheel's"
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


def _nearest(search: Search, wheels: list[Compared]) -> Compared | None:
    """Return the wheel to judge by: the one that is named, else the one with fewest differences.

    None while it may be one that could not be had and the installation names none. A wheel's
    tags name no wheel where it may have been built from an sdist: a pure one's are the same.
    """
    distribution, locked = search.distribution, search.locked
    named = artifact_by_hash(distribution, locked) or artifact_by_tags(distribution, locked)
    word = next((each for each in wheels if each.artifact == named), None)
    if search.absent and search.may_be_built:
        return None
    if word is not None or search.absent:
        return word
    return min(wheels, key=lambda each: len(each.pairing.differing), default=None)


_GRAFTED = ".libs/"
"""In the paths of what auditwheel adds to a wheel."""


def _is_passed_off(rootfs: Rootfs, wheel: Compared, own: Collection[bytes]) -> bool:
    """Return whether an installation that says that it was built in place is a changed wheel.

    Two builds never give the same native files, and those of another toolchain not even the
    same size, which a patch leaves as it is. What auditwheel puts into a `.libs` folder no
    build in place has, nor needs by the name that it was given there. What the sdist holds
    itself (`own` digests) needs no building.
    """
    portable = is_portable(wheel.artifact)
    members = wheel.placed.members
    states = {check.path: check.state for check in wheel.pairing.checks}
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


def _proof(rootfs: Rootfs, search: Search, compared: Compared, identity: Identity | None) -> Proof:
    pairing = compared.pairing
    return Proof(
        distribution=search.distribution,
        degree=_degree(compared, search),
        files=tuple(pairing.checks),
        checked=pairing.compared,
        size=pairing.size,
        bytecode=count_bytecode(rootfs, search.distribution),
        artifact=compared.artifact,
        against=compared.artifact.filename,
        identity=identity,
    )


def _degree(compared: Compared, search: Search) -> Degree:
    states = {check.state for check in compared.pairing.checks}
    if not compared.pairing.compared or states - {FileState.UNPROVEN, FileState.BUILT}:
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
    """Return the proof where nothing but the installation's own word can be compared."""
    degree, artifact, identity = Degree.NONE, None, None
    if locked is not None and not _is_other_version(distribution, locked):
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
