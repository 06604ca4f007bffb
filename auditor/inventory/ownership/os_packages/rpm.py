"""rpm: its SQLite database, read in memory and never written.

One row of the table `Packages` is one package's header (`rpm_header`). Databases of rpm before
4.16 (Berkeley DB) and of SUSE (ndb) are reported, not read.
"""

from __future__ import annotations

import posixpath
import sqlite3
from typing import TYPE_CHECKING

from auditor.inventory.ownership.os_packages.database import Claim
from auditor.inventory.ownership.os_packages.rpm_header import HeaderError, Tag, read_header
from auditor.inventory.paths import is_file
from auditor.model import OsFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.inventory.ownership.os_packages.database import Database

_FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
_SQLITE = "rpmdb.sqlite"
_OTHERS = {"Packages": "Berkeley DB", "Packages.db": "ndb"}

_MAGIC = b"SQLite format 3\0"
_BLOB_LIMIT = 64 * 1024 * 1024
"""Bytes of one header; the kernel's packages come to a few MB."""
_STEPS = 1_000
"""SQLite instructions between two looks at the budget of `_MOST_STEPS` such rounds."""
_MOST_STEPS = 20_000

_CONFIG, _GHOST = 1 << 0, 1 << 6
"""Of RPMTAG_FILEFLAGS: may be edited; not in the package at all."""
_TYPE_BITS, _DIRECTORY = 0o170000, 0o040000
_NOT_INSTALLED = 2
"""Of RPMTAG_FILESTATES: left out, as documents are with `tsflags=nodocs`."""
_ALGORITHMS = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}
"""OpenPGP hash numbers (RFC 4880, 9.4), as RPMTAG_FILEDIGESTALGO has them; absent: md5."""


def rpm_claims(database: Database) -> Iterator[Claim]:
    """Yield every file that rpm installed, with the digest that its package names for it."""
    for folder in database.once(_FOLDERS):
        path = posixpath.join(folder, _SQLITE)
        if is_file(database.rootfs, path):
            yield from _read_sqlite(database, path)
            continue
        for name, form in _OTHERS.items():
            old = posixpath.join(folder, name)
            if is_file(database.rootfs, old):
                database.problem(old, f"is rpm's database as {form}, which is not read")


def _read_sqlite(database: Database, path: str) -> Iterator[Claim]:
    log = database.rootfs.stat(f"{path}-wal")
    if log is not None and log.size:
        database.problem(f"{path}-wal", "holds changes of rpm's database that are not read")
    content = database.read(path)
    if content is None:
        return
    try:
        blobs = _blobs(content)
    except (sqlite3.Error, ValueError, OverflowError) as error:
        database.problem(path, f"is no readable rpm database: {error}")
        return
    for blob in blobs:
        try:
            claims = _claims(blob, path)
        except HeaderError as error:
            database.problem(path, f"holds a damaged package header: {error}")
        else:
            yield from claims


def _blobs(content: bytes) -> list[bytes]:
    """Return the headers of all packages; raises `sqlite3.Error` or `ValueError`."""
    if not content.startswith(_MAGIC) or len(content) < 100:
        raise ValueError("no SQLite file")
    # Bytes 18 and 19 ask for a write-ahead log, which a database in memory cannot have.
    plain = content[:18] + b"\1\1" + content[20:]
    connection = sqlite3.connect(":memory:")
    rounds = iter(range(_MOST_STEPS))
    try:
        connection.deserialize(plain)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _BLOB_LIMIT)
        connection.set_progress_handler(lambda: next(rounds, None) is None, _STEPS)
        for setting in ("query_only = 1", "trusted_schema = 0", "cell_size_check = 1"):
            connection.execute(f"PRAGMA {setting}")
        tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'Packages'"
        if connection.execute(tables).fetchone() is None:
            raise ValueError("it has no table Packages")
        rows = connection.execute("SELECT blob FROM Packages ORDER BY hnum")
        return [row[0] for row in rows if isinstance(row[0], bytes)]
    finally:
        connection.close()


def _claims(blob: bytes, source: str) -> list[Claim]:
    """Return the files of one package; raises `HeaderError`."""
    header = read_header(blob)
    name = next(iter(header.strings(Tag.NAME)), "")
    folders, bases = header.strings(Tag.DIRNAMES), header.strings(Tag.BASENAMES)
    indexes = header.integers(Tag.DIRINDEXES)
    if len(indexes) != len(bases):
        raise HeaderError(f"{name} names {len(bases)} files in {len(indexes)} folders")
    digests = header.strings(Tag.FILEDIGESTS)
    flags, modes = header.integers(Tag.FILEFLAGS), header.integers(Tag.FILEMODES)
    states = header.integers(Tag.FILESTATES)
    algorithm = _ALGORITHMS.get(next(iter(header.integers(Tag.FILEDIGESTALGO)), 1), "")
    claims: list[Claim] = []
    for at, base in enumerate(bases):
        mode, flag = _at(modes, at), _at(flags, at)
        if mode & _TYPE_BITS == _DIRECTORY or _at(states, at) == _NOT_INSTALLED:
            continue
        if indexes[at] >= len(folders):
            raise HeaderError(f"{name} has a file in folder {indexes[at]} of {len(folders)}")
        digest = b""
        if algorithm and at < len(digests) and not flag & _GHOST:
            digest = _digest(digests[at])
        editable = bool(flag & (_CONFIG | _GHOST))
        file = OsFile(name, source, algorithm if digest else "", digest, editable)
        claims.append(Claim(folders[indexes[at]] + base, file))
    return claims


def _at(numbers: tuple[int, ...], at: int) -> int:
    return numbers[at] if at < len(numbers) else 0


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
