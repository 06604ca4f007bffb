"""Installed files against RECORD.

What RECORD may leave open is not a fault: bytecode is recompiled and deleted at will, and what
an installer writes about its own work (`by_products.METADATA`) differs from tool to tool.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING

from auditor.inventory.ownership.by_products import METADATA
from auditor.inventory.paths import list_directory
from auditor.model import FileCheck, FileState, FileType

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from auditor.model import Distribution, RecordRow, Rootfs

    Claimed = Callable[[str], Iterable[RecordRow]]
    """Returns what any locked distribution says of the file at a path."""


def compared_rows(distribution: Distribution) -> tuple[RecordRow, ...]:
    """Return the rows to compare: without bytecode that has a source and without by-products."""
    rows = distribution.record.rows if distribution.record else ()
    folder = posixpath.basename(distribution.metadata_path)
    sources = {row.path for row in rows if row.path.endswith(".py")}
    return tuple(
        row
        for row in rows
        if not is_by_product(row.path, folder) and not is_compiled(row.path, sources)
    )


def rows_by_path(rows: Iterable[RecordRow]) -> Mapping[str, Sequence[RecordRow]]:
    """Return rows by the path that they are for."""
    found: defaultdict[str, list[RecordRow]] = defaultdict(list)
    for row in rows:
        found[row.path].append(row)
    return found


def is_by_product(path: str, folder: str) -> bool:
    """Return whether a file of the metadata folder `folder` is an installer's own."""
    directory, _, name = path.rpartition("/")
    return name in METADATA and posixpath.basename(directory) == folder


def is_compiled(path: str, sources: Container[str]) -> bool:
    """Return whether a .pyc is a by-product of `sources`; a sourceless one is code itself."""
    if not path.endswith((".pyc", ".pyo")):
        return False
    return posixpath.basename(posixpath.dirname(path)) == "__pycache__" or path[:-1] in sources


def check_recorded(
    rootfs: Rootfs, rows: Mapping[str, Sequence[RecordRow]], claimed: Claimed
) -> dict[str, list[FileCheck]]:
    """Check each path of several distributions once, by name and path.

    A RECORD may name a file in several rows, and any may be right; a file that several
    distributions claim is right if it equals what any locked one of them says.
    """
    actual = _digests(rootfs, [row for several in rows.values() for row in several])
    return {name: _checks(rootfs, several, actual, claimed) for name, several in rows.items()}


def agrees(rootfs: Rootfs, rows: Sequence[RecordRow]) -> bool:
    """Return whether RECORD's rows for one existing file leave room for the bytes it has."""
    if not rows:
        return False
    check = _check(rootfs, rows, _digests(rootfs, rows))
    return check.state in {FileState.INTACT, FileState.UNPROVEN}


def _digests(rootfs: Rootfs, rows: Iterable[RecordRow]) -> dict[str, Mapping[str, bytes]]:
    """Return the digests of the files as they are, by algorithm and path: one request each."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        wanted[row.algorithm or "sha256"].add(row.path)
    return {
        algorithm: rootfs.digests(sorted(paths), algorithm)
        for algorithm, paths in sorted(wanted.items())
    }


def _checks(
    rootfs: Rootfs,
    rows: Sequence[RecordRow],
    actual: Mapping[str, Mapping[str, bytes]],
    claimed: Claimed,
) -> list[FileCheck]:
    checks: list[FileCheck] = []
    for path, named in sorted(rows_by_path(rows).items()):
        check = _check(rootfs, named, actual)
        if check.state is FileState.MODIFIED:
            others = list(claimed(path))
            now = actual if others in ([], named) else _digests(rootfs, others)
            if any(_equals(row, now) for row in others):
                check = FileCheck(path, FileState.INTACT)
        checks.append(check)
    return checks


def _check(
    rootfs: Rootfs, rows: Sequence[RecordRow], actual: Mapping[str, Mapping[str, bytes]]
) -> FileCheck:
    """Compare one file with the rows that name it."""
    path = rows[0].path
    if any(_equals(row, actual) for row in rows):
        return FileCheck(path, FileState.INTACT)
    entry = rootfs.stat(path)
    hashed = [row for row in rows if row.algorithm]
    row = (hashed or rows)[0]
    if entry is None:
        return FileCheck(path, FileState.MISSING, _written(row))
    if entry.type is not FileType.FILE:
        return FileCheck(path, FileState.MODIFIED, _written(row), "no regular file")
    size = f"{entry.size:,} bytes"
    if not hashed:
        same = row.size in (None, entry.size)
        state = FileState.UNPROVEN if same else FileState.MODIFIED
        return FileCheck(path, state, _written(row), size)
    now = actual[row.algorithm].get(path)
    if now is None:
        return FileCheck(path, FileState.UNREADABLE, _written(row))
    return FileCheck(
        path, FileState.MODIFIED, _written(row), stated(now, entry.size, row.algorithm)
    )


def _equals(row: RecordRow, actual: Mapping[str, Mapping[str, bytes]]) -> bool:
    return bool(row.algorithm) and actual.get(row.algorithm, {}).get(row.path) == row.digest


def _written(row: RecordRow) -> str:
    digest = f"{row.algorithm}:{row.digest.hex()}" if row.algorithm else ""
    size = f"{row.size:,} bytes" if row.size is not None else ""
    return ", ".join(part for part in (digest, size) if part)


def stated(digest: bytes, size: int, algorithm: str = "sha256") -> str:
    """Return what a file is, for a finding's `expected` and `actual`."""
    return f"{algorithm}:{digest.hex()}, {size:,} bytes"


def count_bytecode(rootfs: Rootfs, distribution: Distribution) -> int:
    """Count the compiled files beside the sources that RECORD names."""
    stems: defaultdict[str, set[str]] = defaultdict(set)
    for row in distribution.record.rows if distribution.record else ():
        if row.path.endswith(".py"):
            directory, _, name = row.path.rpartition("/")
            stems[directory].add(name.removesuffix(".py"))
    return sum(
        1
        for directory, known in stems.items()
        for name in list_directory(rootfs, posixpath.join(directory, "__pycache__"))
        if name.endswith(".pyc") and name.partition(".")[0] in known
    )
