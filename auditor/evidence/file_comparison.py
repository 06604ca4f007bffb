"""What comparing an installation with a wheel and with an sdist have in common.

The files of one installation, what the locked distributions say of a path, the result, and the
scripts that installers generate.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from auditor.evidence.placement import script_folders
from auditor.evidence.record_check import compared_rows, rows_by_path, stated
from auditor.inventory.distributions.console_scripts import (
    interpreter_of,
    is_console_script,
    may_appear,
)
from auditor.inventory.ownership.by_products import METADATA
from auditor.inventory.paths import is_file, list_directory, text_of
from auditor.model import FileCheck, FileState

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from auditor.evidence.placement import Placement, Site
    from auditor.model import Distribution, RecordRow, Rootfs

_SCRIPT_LIMIT = 64 * 1024
"""Bytes of a generated script; genuine ones have a few hundred."""
_NO_DIFFERENCE = frozenset({FileState.UNPROVEN, FileState.UNREADABLE, FileState.BUILT})


class LockedFiles:
    """The files that locked wheels and their RECORDs list: several may list the same path."""

    def __init__(self, distributions: Iterable[Distribution]) -> None:
        """Start with the installations of locked distributions."""
        self._distributions = tuple(distributions)
        self.placements: dict[str, Placement] = {}
        """By name: where the wheel that was compared last has its members."""

    def has(self, path: str, digest: bytes) -> bool:
        """Return whether any locked wheel has this file at this path."""
        placed = (each.members.get(path) for each in self.placements.values())
        return any(member is not None and member.sha256 == digest for member in placed)

    def targets(self, path: str) -> Iterator[str]:
        """Yield what the script at a path may call, according to any locked wheel."""
        for placed in self.placements.values():
            if path in placed.scripts:
                yield placed.scripts[path]

    def recorded(self, path: str) -> Sequence[RecordRow]:
        """Return the rows that locked distributions have for a path."""
        return self._by_path.get(path, ())

    @cached_property
    def _by_path(self) -> Mapping[str, Sequence[RecordRow]]:
        return rows_by_path(row for each in self._distributions for row in compared_rows(each))


class FileComparison(NamedTuple):
    """The files of one installation, compared with one artifact."""

    checks: list[FileCheck]
    """Every file but the equal ones, in the order of their paths."""
    compared: int
    size: int
    """Bytes of the equal files."""

    @property
    def differing(self) -> list[FileCheck]:
        """The files that this artifact does not explain."""
        return [each for each in self.checks if each.state not in _NO_DIFFERENCE]


@dataclass(frozen=True, slots=True)
class InstalledFiles:
    """One installation, and what is needed to compare its files."""

    rootfs: Rootfs
    distribution: Distribution
    site: Site
    digests: Mapping[str, bytes]
    """sha256 of the files at the places of members."""
    locked: LockedFiles
    is_python: Callable[[str], bool]
    """Whether a real path is an interpreter with an owner."""
    rows: Mapping[str, Sequence[RecordRow]]
    """RECORD's rows by path."""


def script_targets(path: str, scripts: Mapping[str, str], site: Site) -> set[str]:
    """Return what the generated script at a path may call; empty where it is none.

    pip writes its own under the version's name too: `pip3.11` beside `pip3`.
    """
    folder, name = posixpath.split(path)
    if path in scripts:
        return {scripts[path]}
    if folder not in script_folders(site):
        return set()
    stem = name.rstrip("0123456789.").removesuffix("-")
    return {target for each, target in scripts.items() if posixpath.basename(each) == stem}


def unlisted_metadata(installed: InstalledFiles, listed: Container[str]) -> Iterator[str]:
    """Yield the files of the metadata folder but installers' own and the `listed` names."""
    info = installed.site.info
    for name in list_directory(installed.rootfs, info):
        path = f"{info}/{name}"
        if name not in METADATA and name not in listed and is_file(installed.rootfs, path):
            yield path


def check_script(
    installed: InstalledFiles, path: str, targets: Iterable[str]
) -> Iterator[FileCheck]:
    """Check a script that installers generate: its form, and what it calls."""
    entry = installed.rootfs.stat(path)
    called = sorted(targets)
    expected = f"a script that calls {' or '.join(called)}"
    if entry is None:
        yield FileCheck(path, FileState.MISSING, expected)
        return
    text = text_of(installed.rootfs, path, _SCRIPT_LIMIT) if entry.size <= _SCRIPT_LIMIT else ""
    form = is_console_script(text, [*called, *installed.locked.targets(path)])
    if form and starts_python(installed, path, text):
        return
    digest = installed.rootfs.digests([path]).get(path)
    if digest is None or not installed.locked.has(path, digest):
        actual = stated(digest, entry.size) if digest is not None else f"{entry.size:,} bytes"
        yield FileCheck(path, FileState.SCRIPT, expected, actual)


def starts_python(installed: InstalledFiles, path: str, text: str) -> bool:
    """Return whether the first line of a script names a Python that has an owner.

    One that does not exist starts nothing, unless it may appear in a container: a `--target`
    directory keeps its builder's path.
    """
    named = interpreter_of(path, text)
    if not named:
        return True
    real = installed.rootfs.resolve(named)
    if real is None:
        return not may_appear(installed.rootfs, named)
    return installed.is_python(real)
