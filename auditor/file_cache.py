"""Files that are as they were written, or absent: the basis of caches.

Several audits at a time, killed ones, full disks and damaged files are expected. What is not as
it was written counts as absent, and what cannot be written is computed again next time. Nothing
here raises.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.new")
_ABANDONED = 3600
"""Seconds after which an unfinished file belongs to a killed process."""

_CHECKSUM = 32


class Usage(NamedTuple):
    """What a cache takes up."""

    entries: int
    bytes: int


class _CachedFile(NamedTuple):
    path: str
    size: int
    used: float
    """When it was last read or written, in seconds since 1970."""


class FileCache:
    """The entries of one folder whose names fit a pattern."""

    def __init__(self, folder: Path, names: re.Pattern[str], limit: int) -> None:
        """Keep entries of at most `limit` bytes; the folder and its parent are made when needed."""
        self._folder = folder
        self._names = names
        self._limit = limit

    def read(self, name: str, key: str) -> bytes | None:
        """Return what was written as `name` under `key`, and mark it as used."""
        path = self._folder / name
        try:
            # Never through a link, nor from a pipe that would hang.
            with open(path, "rb", opener=_open_file) as file:
                data = unsealed(file.read(_CHECKSUM + self._limit), key)
        except OSError:
            return None
        if data is not None:
            with suppress(OSError):
                os.utime(path)
        return data

    def write(self, name: str, key: str, data: bytes) -> None:
        """Write a file of another name and rename it: no reader ever sees half of it."""
        if len(data) > self._limit:
            return
        new = self._folder / f".{uuid.uuid4().hex}.new"
        try:
            for folder in (self._folder.parent, self._folder):
                # `parents` would give the ones above the umask's permissions.
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with open(new, "xb") as file:
                    file.write(sealed(data, key))
                new.replace(self._folder / name)
            except OSError:
                new.unlink(missing_ok=True)
        except OSError:
            return

    def usage(self) -> Usage:
        """Count the entries."""
        sizes = [entry.size for entry in self._files(self._names)]
        return Usage(len(sizes), sum(sizes))

    def clear(self) -> Usage:
        """Remove every entry; nothing else in the folder is touched."""
        removed = [entry.size for entry in self._files(self._names) if _removed(entry.path)]
        for entry in self._files(_TEMPORARY):
            _removed(entry.path)
        return Usage(len(removed), sum(removed))

    def trim(self, most: int, kept: float) -> None:
        """Over `most` bytes, remove what was used longest ago until `kept` of them are left.

        What killed processes left behind goes, too.
        """
        entries = sorted(self._files(self._names), key=lambda entry: entry.used)
        total = sum(entry.size for entry in entries)
        goal = total if total <= most else most * kept
        for entry in entries:
            if total <= goal:
                break
            if _removed(entry.path):
                total -= entry.size
        for entry in self._files(_TEMPORARY):
            if time.time() - entry.used > _ABANDONED:
                _removed(entry.path)

    def _files(self, pattern: re.Pattern[str]) -> list[_CachedFile]:
        found = []
        with suppress(OSError), os.scandir(self._folder) as files:
            for file in files:
                # Another audit may remove it meanwhile.
                with suppress(OSError):
                    if pattern.fullmatch(file.name):
                        stat = file.stat(follow_symlinks=False)
                        found.append(_CachedFile(file.path, stat.st_size, stat.st_mtime))
        return found


def sealed(data: bytes, key: str) -> bytes:
    """Return an entry: a checksum that ties `data` to its key, then `data`."""
    return _checksum(data, key) + data


def unsealed(entry: bytes, key: str) -> bytes | None:
    """Return what was sealed under `key`; None where it is damaged or another key's."""
    data = entry[_CHECKSUM:]
    return data if entry[:_CHECKSUM] == _checksum(data, key) else None


def _checksum(data: bytes, key: str) -> bytes:
    return sha256(b"%s\0%s" % (key.encode(), data)).digest()


def _open_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _removed(path: str) -> bool:
    try:
        os.unlink(path)  # noqa: PTH108 - from a directory listing, in its own spelling
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
