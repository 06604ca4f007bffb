"""Libraries and programs of the system's packages, compared with the package databases.

sha256, which rpm records, is known for every file. md5 and sha1 need the bytes once more, so
only those files are compared that came in another layer than the database file which lists
them: what a package manager installs, it writes together with its list.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from auditor.model import FileType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Entry, Image, OsFile, OsPackages, Rootfs


class OsChange(NamedTuple):
    """A file of an OS package that has other bytes than the package brought."""

    path: str
    package: str
    algorithm: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class OsComparison:
    """The result of the comparison."""

    changed: tuple[OsChange, ...] = ()
    """Sorted by path."""
    compared: int = 0
    taken_as_installed: int = 0
    """Files in the layer of their own package's list, whose md5 or sha1 was not computed."""
    unreadable: int = 0
    """Files whose bytes could not be read once more."""


def compare_os_files(image: Image, packages: OsPackages) -> OsComparison:
    """Compare native libraries and programs with what their packages recorded.

    A live environment is audited without the system around it.
    """
    if image.prefix is not None:
        return OsComparison()
    rootfs = image.rootfs
    assumed = 0
    wanted: defaultdict[str, dict[str, OsFile]] = defaultdict(dict)
    layers: dict[str, int | None] = {}
    for path, file, entry in _native(rootfs, packages):
        if file.source not in layers:
            source = rootfs.stat(file.source)
            layers[file.source] = source.layer if source else None
        known = entry.layer is not None and entry.layer == layers[file.source]
        if known and file.algorithm != "sha256":
            assumed += 1
        else:
            wanted[file.algorithm][path] = file
    changed: list[OsChange] = []
    unreadable = 0
    for algorithm, files in sorted(wanted.items()):
        digests = rootfs.digests(sorted(files), algorithm)
        unreadable += len(files) - len(digests)
        changed += (
            OsChange(path, files[path].package, algorithm, files[path].digest.hex(), actual.hex())
            for path, actual in digests.items()
            if actual != files[path].digest
        )
    compared = sum(len(files) for files in wanted.values()) - unreadable
    return OsComparison(tuple(sorted(changed)), compared, assumed, unreadable)


def _native(rootfs: Rootfs, packages: OsPackages) -> Iterator[tuple[str, OsFile, Entry]]:
    """Yield the recorded files that are ELF, or executable in a directory of programs."""
    for path, file in packages.files.items():
        if not file.digest or file.conffile:
            continue
        entry = rootfs.lstat(path)
        if entry is None or entry.type is not FileType.FILE:
            continue
        program = entry.mode & 0o111 and path.rpartition("/")[0].endswith("bin")
        if program or rootfs.facts(path).elf is not None:
            yield path, file, entry
