"""Which files a distribution says are its own: RECORD, or what older installers wrote."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from auditor.entry_points import ENTRY_POINTS_BYTES, announced_scripts
from auditor.inventory.distributions.record import path_in_image
from auditor.inventory.paths import list_directory, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.inventory.paths import RealPaths
    from auditor.model import Distribution, Rootfs

_TEXT_LIMIT = 8 * 1024 * 1024


def owned_files(rootfs: Rootfs, distribution: Distribution, real: RealPaths) -> Iterator[str]:
    """Yield the real paths of the files that a distribution lists, present or not.

    Metadata that is one file (distutils) is its own.
    """
    record = distribution.record
    if record is not None and record.rows:
        rows = [row.path for row in record.rows]
    else:
        rows = _installed_files(rootfs, distribution) or _named(rootfs, distribution)
    yield distribution.metadata_path
    for path in rows:
        found = real(path)
        if found is not None:
            yield found


def _installed_files(rootfs: Rootfs, distribution: Distribution) -> list[str]:
    """Return what pip noted when it ran `setup.py install`; relative to the egg-info."""
    info = distribution.metadata_path
    lines = text_of(rootfs, f"{info}/installed-files.txt", _TEXT_LIMIT).splitlines()
    return [path for line in lines if (path := path_in_image(info, line)) is not None]


def owned_folders(rootfs: Rootfs, distribution: Distribution) -> Iterator[str]:
    """Yield real directories that are a distribution's with everything in them.

    An editable install's source, an egg, the metadata folder (nothing in it runs) and, where
    nothing lists the files, the packages that it names or that bear its name.
    """
    if distribution.source is not None:
        source = rootfs.resolve(distribution.source)
        if source is not None:
            yield source
    if distribution.location.endswith(".egg"):
        yield distribution.location
    yield distribution.metadata_path
    record = distribution.record
    if not (record and record.rows) and not _installed_files(rootfs, distribution):
        yield from _named(rootfs, distribution)


def _named(rootfs: Rootfs, distribution: Distribution) -> list[str]:
    """Return the packages and modules that a distribution names, or that bear its name."""
    text = text_of(rootfs, f"{distribution.metadata_path}/top_level.txt", _TEXT_LIMIT)
    tops = frozenset(text.split()) or {distribution.name.replace("-", "_")}
    children = list_directory(rootfs, distribution.location)
    return [
        f"{distribution.location}/{name}" for name in children if name.partition(".")[0] in tops
    ]


def entry_points(rootfs: Rootfs, distributions: Iterable[Distribution]) -> Mapping[str, set[str]]:
    """Return the scripts that distributions announce (entry points specification).

    By name: the targets, `module:name`, of every distribution that announces it.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for distribution in distributions:
        path = f"{distribution.metadata_path}/entry_points.txt"
        for name, target in announced_scripts(text_of(rootfs, path, ENTRY_POINTS_BYTES)):
            found[name].add(target)
    return found
