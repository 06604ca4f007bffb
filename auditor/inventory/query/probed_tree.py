"""The few files that a probe read, as a `Tree`; anything else is an error, not an absence."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.image.tree.partial_tree import NotReadError, PartialTree
from auditor.model import Entry, FileType, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST_FOLDERS = 20_000
"""Directories that paths may lead through: one for each distribution, and those above them."""

_FOLDER = Entry(FileType.DIRECTORY, 0o755, 0)


class ProbedTree(PartialTree):
    """Files by their paths, which are absolute and normalised."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        folders: Iterable[str] = (),
        unreadable: Mapping[str, str] | None = None,
        absent: Iterable[str] = (),
    ) -> None:
        """Hold what was read; `folders` are those whose metadata was listed in full.

        `unreadable` maps files that exist to a clause that says why they could not be read. Raises
        `ValueError` where the paths have more directories above them than any real ones.
        """
        self._files = files
        self._unreadable = unreadable or {}
        self._folders = frozenset(folders)
        self._absent = frozenset(absent)
        self._children: dict[str, set[str]] = {folder: set() for folder in self._folders}
        for path in (*files, *self._unreadable, *self._folders):
            self._enter(path)
        for path in self._absent:  # what is above it may be absent too, but is no link
            self._children.setdefault(posixpath.dirname(path), set())
            self._enter(posixpath.dirname(path))

    def _enter(self, path: str) -> None:
        """Add a path to the directories above it."""
        while path != "/":
            folder, name = posixpath.split(path)
            known = self._children.setdefault(folder, set())
            if len(self._children) > _MOST_FOLDERS:
                raise ValueError("too many directories")
            if name in known:
                return
            known.add(name)
            path = folder

    def node(self, path: str) -> Entry | None:
        """Return the entry at a path; raises `NotReadError` where the probe did not look."""
        if path in self._children:
            return _FOLDER
        if path in self._files:
            return Entry(FileType.FILE, 0o644, len(self._files[path]))
        if path in self._unreadable:
            return Entry(FileType.FILE, 0, 0)
        if path in self._absent or posixpath.dirname(path) in self._folders:
            return None
        raise NotReadError(path)

    def names(self, path: str) -> Sequence[str]:
        """Return the sorted names in a directory; raises `NotReadError` where it was not listed."""
        if path in self._unreadable:
            raise UnreadableError(path, self._unreadable[path])
        if path not in self._folders:
            raise NotReadError(path)
        return sorted(self._children[path])

    def read(self, path: str, limit: int) -> bytes:
        """Return a file's content, as much of it as the probe read."""
        if path in self._unreadable:
            raise UnreadableError(path, self._unreadable[path])
        return self._files[path]
