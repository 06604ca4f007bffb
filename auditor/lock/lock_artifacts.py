"""The artifacts of one lock entry: which fit a target, in which order, and who attested them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from auditor.model import Artifact, ArtifactKind
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel, Pylock
    from packaging.tags import Tag
    from packaging.version import Version

    from auditor.model import Target

_MAX_NAMED = 4  # tags that a message lists


def artifacts_of(package: Package, ranks: Mapping[Tag, int]) -> tuple[Artifact, ...]:
    """Return every wheel that fits, the installers' first choice first, then the sdist.

    Installers prefer the better tag, then the higher build number, then the earlier entry.
    An archive is the only artifact of its entry.
    """
    fitting = []
    for wheel in package.wheels or ():
        _, _, build, tags = parse_wheel_filename(wheel.filename)
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is not None:
            fitting.append((rank, build, wheel))
    fitting.sort(key=lambda item: item[1], reverse=True)
    fitting.sort(key=lambda item: item[0])
    return (*_wheels(package, (wheel for _, _, wheel in fitting)), *_sources(package))


def every_artifact(package: Package) -> list[Artifact]:
    """Return the artifacts of an entry for all targets, in the order of the lock."""
    return _wheels(package, package.wheels or ()) + _sources(package)


def prefetchable_artifacts(pylock: Pylock) -> list[Artifact]:
    """Return the artifacts that are the first choice for any image, whatever its platform.

    They can be fetched before the image is known: the only wheel, or the sdist where there are
    no wheels, of every entry without a marker.
    """
    found: list[Artifact] = []
    for package in pylock.packages:
        wheels = package.wheels or ()
        if not (package.marker or package.archive) and len(wheels) <= 1:
            found += _wheels(package, wheels) or _sources(package)
    return found


def locked_hashes(pylock: Pylock) -> dict[str, str]:
    """Return sha256 -> file name of every artifact that a lock lists, for every platform."""
    found = {
        artifact.hashes.get("sha256", ""): artifact.filename
        for package in pylock.packages
        for artifact in every_artifact(package)
    }
    found.pop("", None)
    return found


def version_of(package: Package) -> Version | None:
    """Return an entry's version, from its file names if need be; None for sources."""
    if package.version is not None:
        return package.version
    if package.wheels:
        return parse_wheel_filename(package.wheels[0].filename)[1]
    if package.sdist is not None:
        return parse_sdist_filename(package.sdist.filename)[1]
    return None


def attestation_identities(package: Package) -> tuple[Mapping[str, object], ...]:
    """Return an entry's identities as JSON can hold them, in the order of the lock (PEP 751).

    Which other keys there are depends on the kind of publisher, so all of them are kept.
    """
    return tuple(
        {str(key): _json_value(value) for key, value in identity.items()}
        for identity in package.attestation_identities or ()
    )


def _json_value(value: object) -> object:
    """Return a value as JSON can hold it: TOML's dates and floats become text."""
    if isinstance(value, dict):
        return {str(key): _json_value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_json_value(each) for each in value]
    return value if isinstance(value, bool | int | str) else str(value)


def wheel_mismatch(package: Package, target: Target) -> str:
    """Return a clause that says what an entry's wheels are for, and what the image accepts."""
    wheels = (parse_wheel_filename(wheel.filename)[-1] for wheel in package.wheels or ())
    tags = [tag for several in wheels for tag in several]
    platforms = {tag.platform for tag in target.tags}
    pythons = {(tag.interpreter, tag.abi) for tag in target.tags}
    # Right platform, wrong Python: naming all the other platforms would mislead.
    found = {
        f"{tag.interpreter}-{tag.abi}"
        for tag in tags
        if tag.platform in platforms and (tag.interpreter, tag.abi) not in pythons
    } or {tag.platform for tag in tags}
    best = target.tags[0]
    return (
        f"its wheels are for {and_more(sorted(found), _MAX_NAMED)} and it has no sdist; "
        f"the interpreter accepts {best.interpreter}-{best.abi} on {_platform(target)}"
    )


def path_name(path: str) -> str:
    """Return the last part of a path as a lock writes it: POSIX separators, or the host's."""
    return path.rsplit("/" if "/" in path else "\\", 1)[-1]


def url_name(url: str) -> str:
    """Return the file name that a URL ends with; empty where it is not a URL."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return unquote(path.rsplit("/", 1)[-1])


def _platform(target: Target) -> str:
    """Return the most specific platform tag of the image: the newest libc's, if any."""
    names = [tag.platform for tag in target.tags]
    best = next((name for name in names if name.startswith(("manylinux_", "musllinux_"))), None)
    return best or names[0]


def _wheels(package: Package, wheels: Iterable[PackageWheel]) -> list[Artifact]:
    kind, index = ArtifactKind.WHEEL, package.index
    return [_artifact(kind, wheel.filename, wheel, index) for wheel in wheels]


def _sources(package: Package) -> list[Artifact]:
    """Return the sdist or the archive of an entry, if it has one."""
    if sdist := package.sdist:
        return [_artifact(ArtifactKind.SDIST, sdist.filename, sdist, package.index)]
    if archive := package.archive:
        filename = path_name(archive.path) if archive.path else url_name(archive.url or "")
        return [_artifact(ArtifactKind.ARCHIVE, filename, archive)]
    return []


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
