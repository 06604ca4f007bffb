"""Locks in the image, compared with the audited one.

By their content and not by their bytes: two tools, or two line endings, may write the same lock.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from auditor.errors import LockError
from auditor.inventory.site_packages import SITE_PARTS
from auditor.lock import MAX_BYTES, every_artifact, parse_lock
from auditor.model import FileType, UnreadableError
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.pylock import Package, Pylock

    from auditor.lock import Lock
    from auditor.model import Rootfs

_MOST_LOCKS = 20
"""Locks of one name that are read; an image with more is an archive of locks."""
_MOST_NAMED = 3

_Entries = frozenset[tuple[str, frozenset[str]]]
"""Version and pins of every entry that a lock has under one name."""


class EmbeddedLock(NamedTuple):
    """A lock in the image that differs from the audited one."""

    path: str
    why: str
    """How it differs, as a sentence without its subject."""


def embedded_locks(rootfs: Rootfs, lock: Lock) -> tuple[EmbeddedLock, ...]:
    """Return the locks with the audited lock's file name and another content."""
    end = f"/{PurePath(lock.path).name}"
    paths = [
        path
        for path, entry in rootfs.walk()
        if path.endswith(end)
        and entry.type is FileType.FILE
        and not any(part in path for part in SITE_PARTS)
    ]
    digests = rootfs.digests(paths)
    found = [
        EmbeddedLock(path, why)
        for path in paths[:_MOST_LOCKS]
        if digests.get(path, b"").hex() != lock.sha256 and (why := _difference(rootfs, path, lock))
    ]
    unread = f"is one of {len(paths)} of that name and was not read"
    return (*found, *(EmbeddedLock(path, unread) for path in paths[_MOST_LOCKS:]))


def _difference(rootfs: Rootfs, path: str, lock: Lock) -> str:
    """Return how a lock differs from the audited one; empty where it has the same content."""
    try:
        other = parse_lock(rootfs.read(path, MAX_BYTES), path)
    except UnreadableError as error:
        return f"could not be read: {error.why}"
    except LockError as error:
        return f"is not a valid lock: {error.message.removeprefix(f'{path}:')}"
    mine, theirs = _entries(lock.pylock), _entries(other.pylock)
    versions, contents = [], []
    for name in sorted(mine.keys() & theirs.keys()):
        here, there = _versions(mine[name]), _versions(theirs[name])
        if here != there:
            versions.append(f"{name} ({there} instead of {here})")
        elif mine[name] != theirs[name]:
            contents.append(name)
    clauses = {
        "locks other versions of": versions,
        "locks other bytes of": contents,
        "lacks": sorted(mine.keys() - theirs.keys()),
        "also has": sorted(theirs.keys() - mine.keys()),
    }
    return ", ".join(
        f"{what} {and_more(names, _MOST_NAMED)}" for what, names in clauses.items() if names
    )


def _entries(pylock: Pylock) -> Mapping[str, _Entries]:
    found: dict[str, set[tuple[str, frozenset[str]]]] = {}
    for package in pylock.packages:
        entry = (str(package.version or "source"), frozenset(_pins(package)))
        found.setdefault(package.name, set()).add(entry)
    return {name: frozenset(entries) for name, entries in found.items()}


def _pins(package: Package) -> list[str]:
    """Return what fixes the bytes of an entry: hashes, a commit, a directory."""
    fixed = [
        f"{algorithm}:{digest}"
        for artifact in every_artifact(package)
        for algorithm, digest in artifact.hashes.items()
    ]
    if package.vcs is not None:
        fixed.append(package.vcs.commit_id)
    if package.directory is not None:
        fixed.append(package.directory.path)
    return fixed


def _versions(entries: _Entries) -> str:
    return " and ".join(sorted({version for version, _ in entries}))
