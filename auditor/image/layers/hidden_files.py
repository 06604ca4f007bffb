"""Files of lower layers that upper ones remove or replace: they ship, and nobody sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auditor.image import limits
from auditor.model import Hidden, Problem
from auditor.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Content(NamedTuple):
    """The bytes of a regular file, by where they are."""

    layer: int
    row: int
    size: int
    sha256: bytes


class _Removed(NamedTuple):
    path: str
    content: Content
    layer: int
    """The layer that put the file at its path."""
    by: int


class HiddenFiles:
    """The regular files that layers remove or replace, noted while they are merged."""

    def __init__(self) -> None:
        self._removed: list[_Removed] = []
        self._replaced: set[int] = set()
        """Positions in `_removed` of files that the same layer gave other bytes."""
        self._compared = 0
        """How many come from layers that have ended."""
        self._left_out = 0

    def add(self, path: str, content: Content, layer: int, by: int) -> None:
        """Note that layer `by` removes a file that `layer` put at `path`."""
        if len(self._removed) < limits.HIDDEN:
            self._removed.append(_Removed(path, content, layer, by))
        else:
            self._left_out += 1

    def end_layer(self, content_at: Callable[[str], Content | None]) -> list[tuple[str, int]]:
        """End a layer: a file that it wrote again with the same bytes was not removed by it.

        `content_at` gives the regular file that is at a path now. Return the path of each file
        that was written again, and the layer that had brought it.
        """
        rewritten = []
        latest = self._removed[self._compared :]
        del self._removed[self._compared :]
        for removed in latest:
            now = content_at(removed.path)
            if now is not None and now.sha256 == removed.content.sha256:
                rewritten.append((removed.path, removed.layer))
                continue
            if now is not None:
                self._replaced.add(len(self._removed))
            self._removed.append(removed)
        self._compared = len(self._removed)
        return rewritten

    def result(
        self, content_at: Callable[[str], Content | None], shown: Iterable[tuple[int, int]]
    ) -> tuple[Hidden, ...]:
        """Return what stays hidden in the end, sorted.

        `shown` gives layer and row of every content that the merged tree still has: bytes
        that a hard link shows, or that were counted before, are not hidden once more.
        """
        if not self._removed:
            return ()
        counted = {removed.content[:2] for removed in self._removed}.intersection(shown)
        found = []
        for number, removed in enumerate(self._removed):
            content = removed.content
            now = content_at(removed.path)
            if now is not None and now.sha256 == content.sha256:
                continue
            place = content[:2]
            alone, replaced = place not in counted, number in self._replaced
            counted.add(place)
            if alone or replaced:
                size, sha256 = content.size if alone else 0, content.sha256.hex()
                found.append(
                    Hidden(removed.path, removed.layer, removed.by, size, sha256, replaced)
                )
        return tuple(sorted(found))

    def problems(self) -> list[Problem]:
        """Return the problem that files were left out, if any were."""
        if not self._left_out:
            return []
        why = f"{plural(self._left_out, 'file')} hidden by later layers and not looked at"
        return [Problem("layers", why, limit=True)]
