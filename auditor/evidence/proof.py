"""Installed files against RECORD, and the degree of evidence that follows.

What RECORD may leave open is not a fault: bytecode is recompiled and deleted at will, and what
an installer writes about its own work (`by_products.METADATA`) differs from tool to tool. A file
that several distributions claim is right if it equals what any locked one of them records.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from auditor.evidence.artifact import artifact_by_hash, artifact_by_tags
from auditor.evidence.installed import same_version
from auditor.inventory.by_products import METADATA
from auditor.inventory.files import names
from auditor.model import (
    Degree,
    FileCheck,
    FileState,
    FileType,
    Proof,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from auditor.evidence.installed import Installation
    from auditor.model import (
        Distribution,
        Expectation,
        LockedPackage,
        RecordRow,
        Rootfs,
    )


class _Claim(NamedTuple):
    """One distribution's word about one file."""

    row: RecordRow
    distribution: Distribution


def prove(
    rootfs: Rootfs, found: Mapping[str, Installation], expectation: Expectation
) -> dict[str, Proof]:
    """Compare every chosen installation with its RECORD; give the results by name.

    Distributions of the operating system's packages are left to its own database.
    """
    rows = {
        name: compared_rows(each.chosen)
        for name, each in found.items()
        if each.chosen.record is not None and each.chosen.os_package is None
    }
    actual = _digests(rootfs, [row for several in rows.values() for row in several])
    recorded_by_locked = _claims(
        _Claim(row, found[name].chosen)
        for name, several in rows.items()
        if name in expectation.packages
        for row in several
    )
    return {
        name: _proof(
            rootfs,
            each.chosen,
            expectation.packages.get(name),
            _checks(rootfs, rows.get(name, ()), actual, recorded_by_locked),
        )
        for name, each in found.items()
    }


def compared_rows(distribution: Distribution) -> tuple[RecordRow, ...]:
    """Give the rows to compare: without bytecode that has a source and without by-products."""
    rows = distribution.record.rows if distribution.record else ()
    folder = posixpath.basename(distribution.metadata_path)
    sources = {row.path for row in rows if row.path.endswith(".py")}
    return tuple(
        row
        for row in rows
        if not _is_by_product(row.path, folder) and not _is_by_product_bytecode(row.path, sources)
    )


def _is_by_product(path: str, folder: str) -> bool:
    directory, name = posixpath.split(path)
    return name in METADATA and posixpath.basename(directory) == folder


def _is_by_product_bytecode(path: str, sources: set[str]) -> bool:
    """Tell compiled by-products from a sourceless .pyc, which is code like any other."""
    if not path.endswith((".pyc", ".pyo")):
        return False
    return posixpath.basename(posixpath.dirname(path)) == "__pycache__" or path[:-1] in sources


def _digests(rootfs: Rootfs, rows: Iterable[RecordRow]) -> dict[str, Mapping[str, bytes]]:
    """Give the digests of the files as they are, by algorithm and path: one request each."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        wanted[row.algorithm or "sha256"].add(row.path)
    return {
        algorithm: rootfs.digests(sorted(paths), algorithm)
        for algorithm, paths in sorted(wanted.items())
    }


def _claims(claims: Iterable[_Claim]) -> dict[str, list[_Claim]]:
    by_path: defaultdict[str, list[_Claim]] = defaultdict(list)
    for claim in claims:
        by_path[claim.row.path].append(claim)
    return by_path


def _checks(
    rootfs: Rootfs,
    rows: Sequence[RecordRow],
    actual: Mapping[str, Mapping[str, bytes]],
    recorded_by_locked: Mapping[str, list[_Claim]],
) -> list[FileCheck]:
    """Check each path once: a RECORD may name a file in several rows, and any may be right."""
    by_path: defaultdict[str, list[RecordRow]] = defaultdict(list)
    for row in rows:
        by_path[row.path].append(row)
    checks: list[FileCheck] = []
    for path in sorted(by_path):
        check = _check(rootfs, by_path[path], actual)
        if check.state is FileState.MODIFIED:
            others = [claim.row for claim in recorded_by_locked.get(path, ())]
            if any(_equals(row, actual) for row in others):
                check = FileCheck(path, FileState.INTACT)
        checks.append(check)
    return checks


def _check(
    rootfs: Rootfs, rows: list[RecordRow], actual: Mapping[str, Mapping[str, bytes]]
) -> FileCheck:
    """Compare one file with the rows that name it."""
    path = rows[0].path
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
    if any(_equals(each, actual) for each in hashed):
        return FileCheck(path, FileState.INTACT)
    found = f"{row.algorithm}:{now.hex()}, {size}"
    return FileCheck(path, FileState.MODIFIED, _written(row), found)


def _equals(row: RecordRow, actual: Mapping[str, Mapping[str, bytes]]) -> bool:
    return bool(row.algorithm) and actual.get(row.algorithm, {}).get(row.path) == row.digest


def _written(row: RecordRow) -> str:
    digest = f"{row.algorithm}:{row.digest.hex()}" if row.algorithm else ""
    size = f"{row.size:,} bytes" if row.size is not None else ""
    return ", ".join(part for part in (digest, size) if part)


def _proof(
    rootfs: Rootfs,
    distribution: Distribution,
    locked: LockedPackage | None,
    checks: list[FileCheck],
) -> Proof:
    degree, artifact = Degree.NONE, None
    other_version = (
        locked is not None
        and locked.version is not None
        and not same_version(distribution.version, locked.version)
    )
    if locked is not None and not other_version:
        intact = distribution.record is not None and all(
            check.state is FileState.INTACT for check in checks
        )
        degree = Degree.RECORDED if intact and checks else Degree.VERSION
        named = artifact_by_hash(distribution, locked)
        artifact = named or artifact_by_tags(distribution, locked)
        if degree is Degree.RECORDED and (named or _same_commit(distribution, locked)):
            degree = Degree.ORIGIN
    return Proof(
        distribution=distribution,
        degree=degree,
        files=tuple(check for check in checks if check.state is not FileState.INTACT),
        checked=len(checks),
        size=sum(entry.size for check in checks if (entry := rootfs.stat(check.path))),
        bytecode=_bytecode(rootfs, distribution),
        artifact=artifact,
    )


def _same_commit(distribution: Distribution, locked: LockedPackage) -> bool:
    return (
        locked.vcs is not None
        and distribution.direct_url is not None
        and distribution.direct_url.commit_id == locked.vcs.commit_id
    )


def _bytecode(rootfs: Rootfs, distribution: Distribution) -> int:
    """Count the compiled files beside the sources that RECORD names."""
    stems: defaultdict[str, set[str]] = defaultdict(set)
    for row in distribution.record.rows if distribution.record else ():
        if row.path.endswith(".py"):
            directory, name = posixpath.split(row.path)
            stems[directory].add(name.removesuffix(".py"))
    return sum(
        1
        for directory, known in stems.items()
        for name in names(rootfs, posixpath.join(directory, "__pycache__"))
        if name.endswith(".pyc") and name.partition(".")[0] in known
    )
