"""The search for the artifact that each installation is.

Asked for is the one that an installation names; further ones only where that is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from auditor.artifacts.manifest import Absent, Manifest
from auditor.evidence.claimed_artifact import candidates, claims_build
from auditor.evidence.placement import place_members, site_of
from auditor.evidence.record_check import rows_by_path
from auditor.evidence.sdist_build import pair_build
from auditor.evidence.version_file import is_version_data
from auditor.evidence.wheel_pairing import Claims, Installed, Pairing, pair
from auditor.model import ArtifactKind, FileState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from packaging.tags import Tag

    from auditor.evidence.placement import Placement, Site
    from auditor.model import Artifact, Distribution, LockedPackage, Rootfs


class Manifests(Protocol):
    """Where the manifests of locked artifacts come from."""

    def get(self, artifacts: Sequence[Artifact]) -> Sequence[Manifest | Absent]:
        """Return for each artifact its manifest, or why there is none, in the same order."""


def anything(path: str) -> bool:
    """Tell of every path that it may be an interpreter."""
    return bool(path)


class ProofContext(NamedTuple):
    """What installations are compared with."""

    manifests: Manifests | None = None
    """None: RECORD alone."""
    tags: Collection[Tag] = ()
    """The wheels that the image takes."""
    is_python: Callable[[str], bool] = anything
    """Tells whether a real path is an interpreter that somebody answers for."""


class Compared(NamedTuple):
    """One installation against one artifact."""

    artifact: Artifact
    manifest: Manifest
    placed: Placement
    pairing: Pairing

    @property
    def fits(self) -> bool:
        """Return whether the artifact explains every file."""
        return not self.pairing.differing


@dataclass(slots=True)
class Search:
    """The search for the artifact that one installation is."""

    rootfs: Rootfs
    distribution: Distribution
    locked: LockedPackage
    site: Site
    steps: list[tuple[Artifact, ...]]
    compared: list[Compared] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Return whether there is more to compare with.

        The sdist is asked for last, and only where it may be what was installed.
        """
        if not self.steps or any(each.fits for each in self.compared):
            return False
        first = not (self.compared or self.absent)
        return first or self.steps[0][0].kind is ArtifactKind.WHEEL or self.may_be_built

    @property
    def may_be_built(self) -> bool:
        """Return whether it may be a build that left no trace of itself.

        It then differs from a wheel only in what every build writes anew.
        """
        return any(
            all(self._is_generated(check.path) for check in each.pairing.differing)
            for each in self.wheels
        )

    @property
    def wheels(self) -> list[Compared]:
        """Return the comparisons with wheels."""
        return [each for each in self.compared if each.manifest.dist_info]

    @property
    def build(self) -> Compared | None:
        """The comparison with the sdist, where it may count.

        An installation that does not say that it was built must be all the sdist's own, but
        for the metadata and the version that every build writes.
        """
        found = next((each for each in self.compared if not each.manifest.dist_info), None)
        if found is None or claims_build(self.distribution, self.locked):
            return found
        made = all(
            check.state is FileState.BUILT and self._is_generated(check.path)
            for check in found.pairing.checks
        )
        return found if made else None

    def _is_generated(self, path: str) -> bool:
        """Return whether a file is one that every build writes anew, and that runs nothing."""
        info = f"{self.site.info}/"
        if path.startswith(info):
            return path != f"{info}entry_points.txt"
        return is_version_data(self.rootfs, path)


def search_of(rootfs: Rootfs, distribution: Distribution, locked: LockedPackage) -> Search:
    """Begin the search for what one installation is."""
    steps = candidates(distribution, locked)
    return Search(rootfs, distribution, locked, site_of(rootfs, distribution), steps)


def search_all(
    rootfs: Rootfs, searches: Mapping[str, Search], means: ProofContext, claims: Claims
) -> None:
    """Compare step by step, all installations of a step together, until each has its artifact."""
    digests: dict[str, bytes] = {}
    manifests = means.manifests
    if manifests is None:
        return
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
            placed = _place(waiting[name], each, claims)
            read.append((name, artifact, each, placed))
            if each.dist_info:
                claims.placements[name] = placed
        unknown = {path for *_, placed in read for path in placed.members} - digests.keys()
        digests |= rootfs.digests(unknown)
        for name, artifact, manifest, placed in read:
            search = waiting[name]
            installed = Installed(
                rootfs,
                search.distribution,
                search.site,
                digests,
                claims,
                means.is_python,
                rows_by_path(search.distribution),
            )
            if manifest.dist_info:
                pairing = pair(installed, manifest, placed)
            else:
                pairing = pair_build(installed, manifest)
            search.compared.append(Compared(artifact, manifest, placed, pairing))


def _place(search: Search, manifest: Manifest, claims: Claims) -> Placement:
    record = search.distribution.record
    needed = manifest.data or manifest.scripts
    listed = {row.path for row in record.rows} if record and needed else set()

    def is_others(path: str) -> bool:
        return path not in listed and bool(claims.recorded(path))

    return place_members(search.rootfs, manifest, search.site, listed, is_others)
