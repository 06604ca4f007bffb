"""Which locked artifact an installation names as its own: its word, not proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from auditor.model import ArtifactKind

if TYPE_CHECKING:
    from auditor.model import Artifact, Distribution, LockedPackage


def artifact_by_hash(distribution: Distribution, locked: LockedPackage) -> Artifact | None:
    """Give the locked artifact whose hash direct_url.json names."""
    if distribution.direct_url is None:
        return None
    named = distribution.direct_url.hashes
    return next(
        (
            artifact
            for artifact in locked.artifacts
            if any(named.get(algorithm) == digest for algorithm, digest in artifact.hashes.items())
        ),
        None,
    )


def artifact_by_tags(distribution: Distribution, locked: LockedPackage) -> Artifact | None:
    """Give the locked artifact that the WHEEL file's tags, the installation's own word, name.

    An installation from source gives the sdist; where the tags fit several wheels or none,
    nothing is claimed.
    """
    wheels = [each for each in locked.artifacts if each.kind is ArtifactKind.WHEEL]
    if not distribution.built:
        stated = {tag for text in distribution.wheel_tags for tag in _parse_tag(text)}
        same = [wheel for wheel in wheels if stated and stated == _filename_tags(wheel)]
        near = [wheel for wheel in wheels if stated & _filename_tags(wheel)]
        for several in (same, near):
            if len(several) == 1:
                return several[0]
        if wheels:
            return None
    return next((each for each in locked.artifacts if each.kind is not ArtifactKind.WHEEL), None)


def _parse_tag(text: str) -> frozenset[Tag]:
    try:
        return parse_tag(text)
    except ValueError:
        return frozenset()


def _filename_tags(artifact: Artifact) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(artifact.filename)[3]
    except InvalidWheelFilename:
        return frozenset()
