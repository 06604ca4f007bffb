"""The search for the locked artifact that each installation was made from.

The one that an installation names is fetched first, further ones only where it does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from auditor.artifacts.manifest import Absent, Manifest
from auditor.evidence.claimed_artifact import candidates, claims_build
from auditor.evidence.file_comparison import InstalledFiles
from auditor.evidence.placement import place_members, site_of
from auditor.evidence.record_check import rows_by_path
from auditor.evidence.sdist_comparison import compare_with_sdist
from auditor.evidence.version_file import is_version_data
from auditor.evidence.wheel_comparison import compare_with_wheel
from auditor.model import ArtifactKind, FileState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from packaging.tags import Tag

    from auditor.evidence.file_comparison import FileComparison, LockedFiles
    from auditor.evidence.placement import Placement, Site
    from auditor.model import Artifact, Distribution, LockedPackage, Rootfs


class ManifestSource(Protocol):
    """Where the manifests of locked artifacts come from."""

    def get(self, artifacts: Sequence[Artifact]) -> Sequence[Manifest | Absent]:
        """Return for each artifact its manifest, or why there is none, in the same order."""


class ProofContext(NamedTuple):
    """What installations are compared with."""

    manifests: ManifestSource | None = None
    """None: RECORD alone."""
    tags: Collection[Tag] = ()
    """Of the wheels that the image takes."""
    is_python: Callable[[str], bool] = bool
    """Whether a real path is an interpreter with an owner; by default every path is."""


class ArtifactComparison(NamedTuple):
    """One installation against one artifact."""

    artifact: Artifact
    manifest: Manifest
    placed: Placement
    files: FileComparison

    @property
    def fits(self) -> bool:
        """Return whether the artifact explains every file."""
        return not self.files.differing


@dataclass(slots=True)
class ArtifactSearch:
    """The artifacts that one installation was compared with, and those still to try."""

    rootfs: Rootfs
    distribution: Distribution
    locked: LockedPackage
    site: Site
    steps: list[tuple[Artifact, ...]]
    compared: list[ArtifactComparison] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Return whether there is another artifact to try.

        The sdist comes last, and only where the installation may have been built from it.
        """
        if not self.steps or any(each.fits for each in self.compared):
            return False
        first = not (self.compared or self.absent)
        return first or self.steps[0][0].kind is ArtifactKind.WHEEL or self.may_be_built

    @property
    def may_be_built(self) -> bool:
        """Return whether it may be a build that left no trace.

        It then differs from a wheel only in what every build writes anew.
        """
        return any(
            all(self._is_generated(check.path) for check in each.files.differing)
            for each in self.wheels
        )

    @property
    def wheels(self) -> list[ArtifactComparison]:
        """Return the comparisons with wheels."""
        return [each for each in self.compared if each.manifest.dist_info]

    @property
    def build(self) -> ArtifactComparison | None:
        """The comparison with the sdist, where it counts.

        An installation that does not say that it was built must have the sdist's own files, but
        for the metadata and the version file that every build writes.
        """
        found = next((each for each in self.compared if not each.manifest.dist_info), None)
        if found is None or claims_build(self.distribution, self.locked):
            return found
        rebuilt = all(
            check.state is FileState.BUILT and self._is_generated(check.path)
            for check in found.files.checks
        )
        return found if rebuilt else None

    def _is_generated(self, path: str) -> bool:
        """Return whether a file is one that every build writes anew, and that runs nothing."""
        info = f"{self.site.info}/"
        if path.startswith(info):
            return path != f"{info}entry_points.txt"
        return is_version_data(self.rootfs, path)


def start_search(
    rootfs: Rootfs, distribution: Distribution, locked: LockedPackage
) -> ArtifactSearch:
    """Return the search for the artifact of one installation, before its first step."""
    steps = candidates(distribution, locked)
    return ArtifactSearch(rootfs, distribution, locked, site_of(rootfs, distribution), steps)


def search_all(
    rootfs: Rootfs,
    searches: Mapping[str, ArtifactSearch],
    context: ProofContext,
    locked_files: LockedFiles,
) -> None:
    """Compare step by step, all installations together, until each has its artifact."""
    digests: dict[str, bytes] = {}
    manifests = context.manifests
    if manifests is None:
        return
    while waiting := {name: search for name, search in searches.items() if search.open}:
        wanted = [
            (name, artifact) for name, search in waiting.items() for artifact in search.steps.pop(0)
        ]
        found = manifests.get([artifact for _, artifact in wanted])
        read: list[tuple[str, Artifact, Manifest, Placement]] = []
        for (name, artifact), each in zip(wanted, found, strict=True):
            if isinstance(each, Absent):
                waiting[name].absent.append(each)
                continue
            placed = _place(waiting[name], each, locked_files)
            read.append((name, artifact, each, placed))
            if each.dist_info:
                locked_files.placements[name] = placed
        unknown = {path for *_, placed in read for path in placed.members} - digests.keys()
        digests |= rootfs.digests(unknown)
        for name, artifact, manifest, placed in read:
            distribution, site = waiting[name].distribution, waiting[name].site
            rows = rows_by_path(distribution.record.rows if distribution.record else ())
            python = context.is_python
            installed = InstalledFiles(
                rootfs, distribution, site, digests, locked_files, python, rows
            )
            if manifest.dist_info:
                files = compare_with_wheel(installed, manifest, placed)
            else:
                files = compare_with_sdist(installed, manifest)
            waiting[name].compared.append(ArtifactComparison(artifact, manifest, placed, files))


def _place(search: ArtifactSearch, manifest: Manifest, locked_files: LockedFiles) -> Placement:
    record = search.distribution.record
    needed = manifest.data or manifest.scripts
    listed = {row.path for row in record.rows} if record and needed else set()

    def is_others(path: str) -> bool:
        return path not in listed and bool(locked_files.recorded(path))

    return place_members(search.rootfs, manifest, search.site, listed, is_others)
