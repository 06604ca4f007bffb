"""Reading of database files, and the claims in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.paths import is_file
from auditor.model import Problem, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.model import OsFile, Rootfs

_FILE_LIMIT = 256 * 1024 * 1024
"""Bytes of one database file; rpm's is the largest, some 50 MB for a full system."""
_ALL_LIMIT = 512 * 1024 * 1024
"""Bytes of all database files of an image together."""


class Claim(NamedTuple):
    """A package's record of a file that it installed."""

    path: str
    """Absolute, as the database spells it."""
    file: OsFile


class Database:
    """Reads database files; one that is there and cannot be read becomes a problem."""

    def __init__(self, rootfs: Rootfs) -> None:
        self.rootfs = rootfs
        self.problems: list[Problem] = []
        self._left = _ALL_LIMIT

    def read(self, path: str, most: int | None = None) -> bytes | None:
        """Return a file's content; None where it is absent, unreadable or too large."""
        if not is_file(self.rootfs, path):
            return None
        limit = min(most or _FILE_LIMIT, self._left)
        try:
            content = self.rootfs.read(path, limit)
        except UnreadableError as error:
            entry = self.rootfs.stat(path)
            over = entry is not None and entry.size > limit
            self.problem(path, f"could not be read: {error.why}", limit=over)
            return None
        self._left -= len(content)
        return content

    def lines(self, path: str) -> list[str]:
        """Return a text file's lines, none where it cannot be read."""
        return (self.read(path) or b"").decode("utf-8", "surrogateescape").split("\n")

    def once(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield the paths that exist, of several that lead to one place the first."""
        seen: set[str | None] = {None}
        for path in paths:
            real = self.rootfs.resolve(path)
            if real not in seen:
                seen.add(real)
                yield path

    def problem(self, path: str, why: str, *, limit: bool = False) -> None:
        """Note a database file that is not (wholly) read."""
        self.problems.append(Problem(path, why, path, limit=limit))
