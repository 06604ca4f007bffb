"""Which locked artifact an installation claims to be: where to look first, not proof."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from auditor.model import ArtifactKind, Identity, IdentityKind
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from auditor.artifacts.manifest import Manifest
    from auditor.model import Artifact, Distribution, LockedPackage

_MOST_NAMED = 4
"""Tags that a message names."""
_PORTABLE = ("manylinux", "musllinux")
"""What platform tags of published wheels begin with; those of a build in the image do not."""


def artifact_by_hash(distribution: Distribution, locked: LockedPackage) -> Artifact | None:
    """Return the locked artifact whose hash direct_url.json names."""
    named = distribution.direct_url.hashes if distribution.direct_url else {}
    fitting = (each for each in locked.artifacts if named.items() & each.hashes.items())
    return next(fitting, None) if named else None


def artifact_by_tags(distribution: Distribution, locked: LockedPackage) -> Artifact | None:
    """Return the locked artifact that the tags of the WHEEL file name.

    That is the sdist for an installation from source, and nothing where the tags fit several
    wheels or none.
    """
    wheels = _wheels(locked)
    if not distribution.built:
        stated = _parsed(distribution.wheel_tags)
        same = [wheel for wheel in wheels if stated and stated == _filename_tags(wheel.filename)]
        near = [wheel for wheel in wheels if stated & _filename_tags(wheel.filename)]
        for several in (same, near):
            if len(several) == 1:
                return several[0]
        if wheels:
            return None
    return next((each for each in locked.artifacts if each.kind is not ArtifactKind.WHEEL), None)


def claims_build(distribution: Distribution, locked: LockedPackage) -> bool:
    """Return whether an installation claims to be built from source, or must have been.

    It does by `uv_build.json`, or by a tag that no locked and no published wheel has; both can
    be forged. It must have been where no wheel fits.
    """
    wheels = _wheels(locked)
    if not wheels:
        return True
    stated = _parsed(distribution.wheel_tags)
    if any(tag.platform.startswith(_PORTABLE) for tag in stated):
        return False
    listed = {tag for wheel in wheels for tag in _filename_tags(wheel.filename)}
    return distribution.built or bool(stated and not stated & listed)


def candidates(distribution: Distribution, locked: LockedPackage) -> list[tuple[Artifact, ...]]:
    """Return the artifacts that an installation may be, in the order to try them.

    Those of one step are compared together: where the installation claims to be built, the sdist
    and all wheels, since that must not excuse a patched wheel. Otherwise the sdist comes last.
    """
    wheels = _wheels(locked)
    if claims_build(distribution, locked):
        return [locked.artifacts] if locked.artifacts else []
    named = artifact_by_hash(distribution, locked) or artifact_by_tags(distribution, locked)
    ordered = sorted(locked.artifacts, key=lambda each: (each not in wheels, each != named))
    return [(each,) for each in ordered]


def fits_nowhere(distribution: Distribution, tags: Collection[Tag]) -> bool:
    """Return whether WHEEL has tags, and none of them fits the image's Python and platform."""
    stated = _parsed(distribution.wheel_tags)
    return bool(stated and tags) and not any(tag in tags for tag in stated)


def identify(
    distribution: Distribution, manifest: Manifest | None, tags: Collection[Tag]
) -> Identity:
    """Return what an installation claims to be that differs from the artifact of `manifest`."""
    said = f"its WHEEL file says {and_more(distribution.wheel_tags, _MOST_NAMED)}"
    if fits_nowhere(distribution, tags):
        return Identity(IdentityKind.OTHER_PLATFORM, said)
    stated = _parsed(distribution.wheel_tags)
    if manifest is None or not stated or stated == _parsed(manifest.tags):
        return Identity(IdentityKind.COPY, "")
    if distribution.built or all(tag.platform.startswith("linux_") for tag in stated):
        return Identity(IdentityKind.LOCAL_BUILD, f"{said}, as of a build in the image")
    return Identity(IdentityKind.OTHER_ARTIFACT, said)


def is_portable(artifact: Artifact) -> bool:
    """Return whether a wheel was published for many systems, built with another toolchain."""
    return any(tag.platform.startswith(_PORTABLE) for tag in _filename_tags(artifact.filename))


def _wheels(locked: LockedPackage) -> list[Artifact]:
    return [each for each in locked.artifacts if each.kind is ArtifactKind.WHEEL]


def _parsed(texts: Iterable[str]) -> set[Tag]:
    return {tag for text in texts for tag in _parse_tag(text)}


@lru_cache(maxsize=256)
def _parse_tag(text: str) -> frozenset[Tag]:
    try:
        return parse_tag(text)
    except ValueError:
        return frozenset()


@lru_cache(maxsize=4096)
def _filename_tags(filename: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return frozenset()
