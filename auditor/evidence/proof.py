"""The degree of evidence: installed files against the locked artifacts, else against RECORD.

An installation is compared with the artifact that it names first; only where that is not what
is installed, further ones are asked for. It is judged by the nearest of those that could be
had, and by RECORD alone where one that it may be could not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from auditor.artifacts.manifest import Absent, Manifest
from auditor.evidence.artifact import (
    artifact_by_hash,
    artifact_by_tags,
    candidates,
    claims_build,
    fits_nowhere,
    identify,
)
from auditor.evidence.building import pair_build
from auditor.evidence.installed import same_version
from auditor.evidence.pairing import Claims, Installed, Pairing, pair
from auditor.evidence.placement import place_members, site_of
from auditor.evidence.recorded import check_recorded, compared_rows, count_bytecode
from auditor.model import (
    ArtifactKind,
    Degree,
    FileCheck,
    FileState,
    Identity,
    IdentityKind,
    MetadataKind,
    Proof,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from packaging.tags import Tag

    from auditor.evidence.installed import Installation
    from auditor.evidence.placement import Placement, Site
    from auditor.model import Artifact, Distribution, Expectation, LockedPackage, Rootfs


class Manifests(Protocol):
    """Where the manifests of locked artifacts come from."""

    def get(self, artifacts: Sequence[Artifact]) -> Sequence[Manifest | Absent]:
        """Give for each artifact its manifest, or why there is none, in the same order."""


def is_below(degree: Degree, required: Degree) -> bool:
    """Tell whether one degree of evidence is worse than another."""
    order = list(Degree)
    return order.index(degree) > order.index(required)


@dataclass(frozen=True, slots=True)
class Proofs:
    """What the comparison of all installations gave."""

    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """By normalised name, for every installation."""
    absent: Mapping[str, tuple[Absent, ...]] = field(default_factory=dict)
    """By name: the artifacts that were asked for and could not be had."""


class _Compared(NamedTuple):
    """One installation against one artifact."""

    artifact: Artifact
    manifest: Manifest
    placed: Placement
    pairing: Pairing

    @property
    def fits(self) -> bool:
        return not self.pairing.differing


@dataclass(slots=True)
class _Search:
    """The search for the artifact that one installation is."""

    distribution: Distribution
    locked: LockedPackage
    site: Site
    steps: list[tuple[Artifact, ...]]
    compared: list[_Compared] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Tell whether there is more to compare with.

        What only has other metadata than a wheel may be a build that left no trace of itself.
        """
        if not self.steps or any(each.fits for each in self.compared):
            return False
        info = f"{self.site.info}/"
        first = not (self.compared or self.absent)
        return (
            first
            or self.steps[0][0].kind is ArtifactKind.WHEEL
            or any(
                all(_is_generated(check.path, info) for check in each.pairing.differing)
                for each in self.compared
            )
        )

    @property
    def wheels(self) -> list[_Compared]:
        return [each for each in self.compared if each.manifest.dist_info]

    @property
    def build(self) -> _Compared | None:
        """The comparison with the sdist, where it may count.

        An installation that does not say that it was built must be all the sdist's own.
        """
        found = next((each for each in self.compared if not each.manifest.dist_info), None)
        if found is None or claims_build(self.distribution, self.locked):
            return found
        return None if found.pairing.checks else found


def _is_generated(path: str, info: str) -> bool:
    """Tell whether a file is metadata that a build writes and that says nothing of code."""
    return path.startswith(info) and path != f"{info}entry_points.txt"


def prove(
    rootfs: Rootfs,
    found: Mapping[str, Installation],
    expectation: Expectation,
    manifests: Manifests | None = None,
    tags: Collection[Tag] = (),
) -> Proofs:
    """Compare every chosen installation with the locked artifacts; give the results by name.

    `tags` are those that the image takes. Without `manifests`, and for what the lock names no
    artifact of, RECORD is what files are compared with. Distributions of the operating
    system's packages are left to its own database.
    """
    chosen = {name: each.chosen for name, each in found.items()}
    own = {name: each for name, each in chosen.items() if each.os_package is None}
    claims = Claims({name: each for name, each in own.items() if name in expectation.packages})
    searches = {
        name: _Search(each, locked, site_of(rootfs, each), candidates(each, locked))
        for name, each in chosen.items()
        if manifests is not None
        and (locked := expectation.packages.get(name)) is not None
        and _is_comparable(each, locked)
    }
    if manifests is not None:
        _search(rootfs, searches, manifests, claims)
    judged = {
        name: proof
        for name, search in searches.items()
        if (proof := _judge(rootfs, search, tags)) is not None
    }
    left = {name: compared_rows(each) for name, each in own.items() if name not in judged}
    checks = check_recorded(rootfs, left, claims.recorded)
    proofs = {
        name: judged.get(name)
        or _by_record(rootfs, each, expectation.packages.get(name), checks.get(name, []), tags)
        for name, each in chosen.items()
    }
    absent = {name: tuple(each.absent) for name, each in searches.items() if each.absent}
    return Proofs(proofs, absent)


def _is_comparable(distribution: Distribution, locked: LockedPackage) -> bool:
    """Tell whether an installation can be what an artifact of the lock was unpacked to."""
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


# -------------------------------------------------------------------------------- searching


def _search(
    rootfs: Rootfs, searches: Mapping[str, _Search], manifests: Manifests, claims: Claims
) -> None:
    """Compare step by step, all installations of a step together, until each has its artifact."""
    digests: dict[str, bytes] = {}
    while waiting := {name: search for name, search in searches.items() if search.open}:
        asked = [
            (name, artifact) for name, search in waiting.items() for artifact in search.steps.pop(0)
        ]
        given = manifests.get([artifact for _, artifact in asked])
        read: list[tuple[str, Artifact, Manifest, Placement]] = []
        for (name, artifact), each in zip(asked, given, strict=True):
            if isinstance(each, Absent):
                waiting[name].absent.append(each)
                continue
            placed = _place(rootfs, waiting[name], each)
            read.append((name, artifact, each, placed))
            if each.dist_info:
                claims.placements[name] = placed
        unknown = {path for *_, placed in read for path in placed.members} - digests.keys()
        digests |= rootfs.digests(unknown)
        for name, artifact, manifest, placed in read:
            search = waiting[name]
            installed = Installed(rootfs, search.distribution, search.site, digests, claims)
            if manifest.dist_info:
                pairing = pair(installed, manifest, placed)
            else:
                pairing = pair_build(installed, manifest)
            search.compared.append(_Compared(artifact, manifest, placed, pairing))


def _place(rootfs: Rootfs, search: _Search, manifest: Manifest) -> Placement:
    record = search.distribution.record
    needed = manifest.data or manifest.scripts
    listed = {row.path for row in record.rows} if record and needed else set()
    return place_members(rootfs, manifest, search.site, listed)


# ---------------------------------------------------------------------------------- judging


def _judge(rootfs: Rootfs, search: _Search, tags: Collection[Tag]) -> Proof | None:
    """Give the proof by the artifact that is installed, or the nearest; None where it is open."""
    wheels = search.wheels
    fitting = next((each for each in wheels if each.fits), None)
    if fitting is not None:
        return _proof(rootfs, search, fitting, None)
    built = search.build
    if built is not None and not search.absent:
        wheel = _passed_off(rootfs, wheels)
        if wheel is not None:
            clause = "it says that it was built from source, and has that wheel's native files"
            return _proof(rootfs, search, wheel, Identity(IdentityKind.COPY, clause))
        identity = None if built.fits else Identity(IdentityKind.COPY, "")
        return _proof(rootfs, search, built, identity)
    nearest = _nearest(search, wheels)
    if nearest is None:
        return None
    identity = identify(search.distribution, nearest.manifest, tags)
    return _proof(rootfs, search, nearest, identity)


def _nearest(search: _Search, wheels: list[_Compared]) -> _Compared | None:
    """Give the wheel to judge by: the one that is named, else the one with fewest differences.

    None while it may be one that could not be had and the installation names none.
    """
    distribution, locked = search.distribution, search.locked
    named = artifact_by_hash(distribution, locked) or artifact_by_tags(distribution, locked)
    word = next((each for each in wheels if each.artifact == named), None)
    if word is not None or search.absent:
        return word
    return min(wheels, key=lambda each: len(each.pairing.differing), default=None)


def _passed_off(rootfs: Rootfs, wheels: list[_Compared]) -> _Compared | None:
    """Give the wheel whose native files an installation has that says it was built in place.

    Two builds never give the same ones, so it is that wheel with other files changed.
    """
    for each in wheels:
        differing = {check.path for check in each.pairing.checks}
        equal = (path for path in each.placed.members if path not in differing)
        if any(rootfs.elf(path) is not None for path in equal):
            return each
    return None


def _proof(
    rootfs: Rootfs, search: _Search, compared: _Compared, identity: Identity | None
) -> Proof:
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


def _degree(compared: _Compared, search: _Search) -> Degree:
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
    """Give the proof where nothing but the installation's own word can be compared."""
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
