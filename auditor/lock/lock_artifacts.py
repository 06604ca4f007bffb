"""The artifacts of one lock entry: which fit a target, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from auditor.lock.python_names import path_name, url_name
from auditor.model import Artifact, ArtifactKind
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.pylock import (
        Package,
        PackageArchive,
        PackageSdist,
        PackageWheel,
        Pylock,
    )
    from packaging.tags import Tag
    from packaging.version import Version

    from auditor.model import Target

_MAX_NAMED = 4  # tags that a message lists


def artifacts_of(package: Package, ranks: Mapping[Tag, int]) -> tuple[Artifact, ...]:
    """Return every wheel that fits, the installers' first choice first, then the sdist.

    Installers prefer the better tag, then the higher build number, then the earlier entry.
    """
    fitting = []
    for wheel in package.wheels or ():
        filename = wheel.filename
        _, _, build, tags = parse_wheel_filename(filename)
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is not None:
            fitting.append(
                (rank, build, _artifact(ArtifactKind.WHEEL, filename, wheel, package.index))
            )
    fitting.sort(key=lambda item: item[1], reverse=True)
    fitting.sort(key=lambda item: item[0])
    artifacts = [artifact for _, _, artifact in fitting]
    if package.sdist is not None:
        sdist = package.sdist
        artifacts.append(_artifact(ArtifactKind.SDIST, sdist.filename, sdist, package.index))
    return tuple(artifacts)


def prefetchable_artifacts(pylock: Pylock) -> list[Artifact]:
    """Return the artifacts that any image asks for first, whatever its platform.

    They can be fetched before the image has said what it is: the only wheel, or the sdist of
    what has no wheels, of every entry without a marker.
    """
    found = []
    for package in pylock.packages:
        wheels = package.wheels or ()
        if package.marker is not None or len(wheels) > 1:
            continue
        if wheels:
            (wheel,) = wheels
            found.append(_artifact(ArtifactKind.WHEEL, wheel.filename, wheel, package.index))
        elif package.sdist is not None:
            sdist = package.sdist
            found.append(_artifact(ArtifactKind.SDIST, sdist.filename, sdist, package.index))
    return found


def archive_of(archive: PackageArchive) -> Artifact:
    """Return the artifact of a `packages.archive`."""
    filename = path_name(archive.path) if archive.path else url_name(archive.url or "")
    return _artifact(ArtifactKind.ARCHIVE, filename, archive)


def locked_hashes(pylock: Pylock) -> dict[str, str]:
    """Return sha256 -> file name of every artifact that a lock lists, for every platform."""
    found = {}
    for package in pylock.packages:
        for wheel in package.wheels or ():
            found[wheel.hashes.get("sha256", "").lower()] = wheel.filename
        if package.sdist is not None:
            found[package.sdist.hashes.get("sha256", "").lower()] = package.sdist.filename
        if package.archive is not None:
            artifact = archive_of(package.archive)
            found[artifact.hashes.get("sha256", "")] = artifact.filename
    found.pop("", None)
    return found


def version_of(package: Package) -> Version | None:
    """Return an entry's version, from its file names where it does not say; None for sources."""
    if package.version is not None:
        return package.version
    if package.wheels:
        return parse_wheel_filename(package.wheels[0].filename)[1]
    if package.sdist is not None:
        return parse_sdist_filename(package.sdist.filename)[1]
    return None


def wheel_mismatch(package: Package, target: Target) -> str:
    """Say why none of an entry's wheels fits: what they are for, and what the image takes."""
    wheels = [parse_wheel_filename(wheel.filename)[-1] for wheel in package.wheels or ()]
    platforms = {tag.platform for tag in target.tags}
    pythons = {(tag.interpreter, tag.abi) for tag in target.tags}
    here = [
        tag
        for tags in wheels
        for tag in tags
        if tag.platform in platforms and (tag.interpreter, tag.abi) not in pythons
    ]
    if here:
        # Right platform, wrong Python: naming all the other platforms would mislead.
        found = _listed(f"{tag.interpreter}-{tag.abi}" for tag in here)
    else:
        found = _listed(tag.platform for tags in wheels for tag in tags)
    takes = f"{target.tags[0].interpreter}-{target.tags[0].abi} on {_platform(target)}"
    return f"its wheels are for {found} and it has no sdist; the interpreter takes {takes}"


def _platform(target: Target) -> str:
    """Return the platform tag that says most about the image: the newest libc's, if any."""
    names = [tag.platform for tag in target.tags]
    best = next((name for name in names if name.startswith(("manylinux_", "musllinux_"))), None)
    return best or names[0]


def _listed(names: Iterable[str]) -> str:
    return and_more(sorted(set(names)), _MAX_NAMED)


def _artifact(
    kind: ArtifactKind,
    filename: str,
    source: PackageArchive | PackageSdist | PackageWheel,
    index: str | None = None,
) -> Artifact:
    return Artifact(
        kind=kind,
        filename=filename,
        hashes={algorithm.lower(): value.lower() for algorithm, value in source.hashes.items()},
        size=source.size,
        url=source.url,
        path=source.path,
        index=index,
    )
