"""What lower layers hold and upper ones take away again: it ships, and nobody sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auditor.image import limits
from auditor.model import Hidden, Problem
from auditor.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Content(NamedTuple):
    """The bytes of a regular file, known by where they lie."""

    layer: int
    row: int
    size: int
    sha256: bytes


class _Taken(NamedTuple):
    path: str
    content: Content
    layer: int
    """The layer that put the file at its path."""
    by: int


class HiddenFiles:
    """The regular files that one layer after the other takes away while layers are merged."""

    def __init__(self) -> None:
        self._taken: list[_Taken] = []
        self._replaced: set[int] = set()
        """Positions in `_taken` of files that the same layer gave other bytes."""
        self._settled = 0
        self._left_out = 0

    def take(self, path: str, content: Content, layer: int, by: int) -> None:
        """Note that layer `by` takes away a file that `layer` put at `path`."""
        if len(self._taken) < limits.HIDDEN:
            self._taken.append(_Taken(path, content, layer, by))
        else:
            self._left_out += 1

    def settle(self, at: Callable[[str], Content | None]) -> list[tuple[str, int]]:
        """End a layer: what it wrote again with the same bytes was not taken away by it.

        `at` gives the regular file that now stands at a path. Gives the path of each file that
        was written again, and the layer that had brought it.
        """
        again = []
        fresh = self._taken[self._settled :]
        del self._taken[self._settled :]
        for taken in fresh:
            now = at(taken.path)
            if now is not None and now.sha256 == taken.content.sha256:
                again.append((taken.path, taken.layer))
                continue
            if now is not None:
                self._replaced.add(len(self._taken))
            self._taken.append(taken)
        self._settled = len(self._taken)
        return again

    def result(
        self, at: Callable[[str], Content | None], shown: Iterable[tuple[int, int]]
    ) -> tuple[Hidden, ...]:
        """Return what stays hidden in the end, sorted.

        `shown` gives layer and row of every content that the merged tree still has: bytes
        that a hard link shows, or that were counted before, are not hidden once more.
        """
        if not self._taken:
            return ()
        counted = {taken.content[:2] for taken in self._taken}.intersection(shown)
        found = []
        for number, taken in enumerate(self._taken):
            content = taken.content
            now = at(taken.path)
            if now is not None and now.sha256 == content.sha256:
                continue
            place = content[:2]
            alone = place not in counted
            counted.add(place)
            if alone or number in self._replaced:
                found.append(
                    Hidden(
                        path=taken.path,
                        size=content.size if alone else 0,
                        sha256=content.sha256.hex(),
                        layer=taken.layer,
                        by=taken.by,
                        replaced=number in self._replaced,
                    )
                )
        return tuple(sorted(found))

    def problems(self) -> list[Problem]:
        """Say what went over the limit."""
        if not self._left_out:
            return []
        why = f"{plural(self._left_out, 'file')} hidden by later layers and not looked at"
        return [Problem("layers", why, limit=True)]
