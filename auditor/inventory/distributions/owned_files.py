"""The files that a distribution lists as its own, in RECORD or as older installers wrote them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from auditor.entry_points import ENTRY_POINTS_BYTES, declared_scripts
from auditor.inventory.distributions.record import path_in_image
from auditor.inventory.paths import list_directory, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.inventory.paths import RealPaths
    from auditor.model import Distribution, Rootfs

_TEXT_LIMIT = 8 * 1024 * 1024


def owned_files(rootfs: Rootfs, distribution: Distribution, real: RealPaths) -> Iterator[str]:
    """Yield the real paths of the files that a distribution lists, present or not.

    Its metadata is among them, which may be a single file (distutils).
    """
    record = distribution.record
    if record is not None and record.rows:
        rows = [row.path for row in record.rows]
    else:
        rows = _installed_files(rootfs, distribution) or _top_level(rootfs, distribution)
    yield distribution.metadata_path
    for path in rows:
        found = real(path)
        if found is not None:
            yield found


def _installed_files(rootfs: Rootfs, distribution: Distribution) -> list[str]:
    """Return the paths in the list that pip wrote when it ran `setup.py install`."""
    info = distribution.metadata_path
    lines = text_of(rootfs, f"{info}/installed-files.txt", _TEXT_LIMIT).splitlines()
    return [path for line in lines if (path := path_in_image(info, line)) is not None]


def owned_folders(rootfs: Rootfs, distribution: Distribution) -> Iterator[str]:
    """Yield the real directories whose whole content belongs to a distribution.

    An editable install's source, an egg, the metadata folder (nothing in it runs) and, where no
    list of files exists, its top-level packages.
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
        yield from _top_level(rootfs, distribution)


def _top_level(rootfs: Rootfs, distribution: Distribution) -> list[str]:
    """Return the packages and modules in top_level.txt, or else those of its own name."""
    text = text_of(rootfs, f"{distribution.metadata_path}/top_level.txt", _TEXT_LIMIT)
    tops = frozenset(text.split()) or {distribution.name.replace("-", "_")}
    children = list_directory(rootfs, distribution.location)
    return [
        f"{distribution.location}/{name}" for name in children if name.partition(".")[0] in tops
    ]


def entry_points(rootfs: Rootfs, distributions: Iterable[Distribution]) -> Mapping[str, set[str]]:
    """Return the scripts that distributions declare (entry points specification).

    By name: the targets, `module:name`, of every distribution that declares it.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for distribution in distributions:
        path = f"{distribution.metadata_path}/entry_points.txt"
        for name, target in declared_scripts(text_of(rootfs, path, ENTRY_POINTS_BYTES)):
            found[name].add(target)
    return found
