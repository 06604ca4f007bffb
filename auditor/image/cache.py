"""What was computed from bytes once, kept in files under the digest of those bytes.

An entry is a claim about the digest in its name: whoever may write here decides what an audit
sees, so the directory is its owner's alone. Everything else is expected: several audits at a
time, killed ones, full disks and damaged files. What is not as it was written counts as absent,
and what cannot be written is computed again next time.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from auditor.image.index_format import decoded, encoded, format_name
from auditor.image.stream import DamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.image.layer import LayerIndex

CACHE_BYTES = 2 << 30
"""Bytes that the cache may take up; then what was used longest ago goes."""

ENTRY_BYTES = 512 << 20
"""Bytes of one entry, unpacked; a larger one is not kept."""

_FOLDER = "layers"
_ENTRY = re.compile(r"[0-9a-f]{12}-[0-9a-f]{64}\.(index|document)")
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.new")
_ABANDONED = 3600
"""Seconds after which a file that nobody finished belongs to a killed process."""

_KEPT = 0.9
"""Share of the limit that is left after making room, so that not every run has to."""

_CHECKSUM = 32


class Usage(NamedTuple):
    """What a cache takes up."""

    entries: int
    bytes: int


class IndexCache:
    """Layers' indexes by digest, and small documents by what decides them. Raises nothing."""

    def __init__(self, directory: Path, limit: int = CACHE_BYTES) -> None:
        """Keep at most `limit` bytes below `directory`, which is made when needed."""
        self.directory = directory
        self._folder = directory / _FOLDER
        self._limit = limit

    def index(self, digest: str) -> LayerIndex | None:
        """Give the index of the layer whose bytes, packed or not, have this digest."""
        data = self._read(digest, "index")
        if data is None:
            return None
        try:
            index = decoded(data, ENTRY_BYTES)
        except DamagedError:
            return None
        if digest not in {index.digest, index.diff_id}:
            return None
        if digest == index.diff_id:
            # The same content may be packed otherwise where it is met next.
            index.compression = None
        return index

    def keep_index(self, index: LayerIndex) -> None:
        """Keep an index under every digest that was computed while it was read."""
        if index.shortened:
            return
        data = encoded(index)
        for digest in {index.digest, index.diff_id} - {""}:
            self._write(digest, "index", data)

    def document(self, key: str) -> bytes | None:
        """Give what was kept under `key`."""
        return self._read(key, "document")

    def keep_document(self, key: str, content: bytes) -> None:
        """Keep a small document."""
        self._write(key, "document", content)

    def usage(self) -> Usage:
        """Count the entries."""
        sizes = [entry.size for entry in self._files(_ENTRY)]
        return Usage(len(sizes), sum(sizes))

    def clear(self) -> Usage:
        """Remove every entry; nothing else in the directory is touched."""
        removed = [entry.size for entry in self._files(_ENTRY) if _removed(entry.path)]
        for entry in self._files(_TEMPORARY):
            _removed(entry.path)
        return Usage(len(removed), sum(removed))

    def trim(self) -> None:
        """Remove what was used longest ago, where the cache is over its limit."""
        entries = sorted(self._files(_ENTRY), key=lambda entry: entry.used)
        total = sum(entry.size for entry in entries)
        goal = total if total <= self._limit else self._limit * _KEPT
        for entry in entries:
            if total <= goal:
                break
            if _removed(entry.path):
                total -= entry.size
        for entry in self._files(_TEMPORARY):
            if time.time() - entry.used > _ABANDONED:
                _removed(entry.path)

    # -------------------------------------------------------------------------- files

    def _files(self, pattern: re.Pattern[str]) -> list[_File]:
        found = []
        with suppress(OSError), os.scandir(self._folder) as files:
            for file in files:
                # Another audit may remove it meanwhile.
                with suppress(OSError):
                    if pattern.fullmatch(file.name):
                        stat = file.stat(follow_symlinks=False)
                        found.append(_File(file.path, stat.st_size, stat.st_mtime))
        return found

    def _path(self, key: str, kind: str) -> Path:
        return self._folder / f"{format_name()}-{sha256(key.encode()).hexdigest()}.{kind}"

    def _read(self, key: str, kind: str) -> bytes | None:
        path = self._path(key, kind)
        try:
            # Never through a link, nor from a pipe that would hang.
            with open(path, "rb", opener=_open_file) as file:
                checksum, data = file.read(_CHECKSUM), file.read(ENTRY_BYTES)
        except OSError:
            return None
        if checksum != _checksum(key, data):
            return None
        with suppress(OSError):
            os.utime(path)
        return data

    def _write(self, key: str, kind: str, data: bytes) -> None:
        """Write a file of another name and rename it: nobody ever sees half of it."""
        if len(data) > min(ENTRY_BYTES, self._limit):
            return
        new = self._folder / f".{uuid.uuid4().hex}.new"
        try:
            for folder in (self.directory, self._folder):
                # `parents` would give the ones above the umask's permissions.
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with open(new, "xb") as file:
                    file.write(_checksum(key, data) + data)
                new.replace(self._path(key, kind))
            except OSError:
                new.unlink(missing_ok=True)
        except OSError:
            return


class _File(NamedTuple):
    path: str
    size: int
    used: float


def _checksum(key: str, data: bytes) -> bytes:
    """Give what ties an entry to its key."""
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
