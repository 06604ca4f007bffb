"""Layers laid over each other: one tree, as the image specification's layer.md has it.

Decisions where the specification leaves room:

- Whiteouts, opaque ones too, act on lower layers alone, whatever their position.
- A member below a symbolic link of the tree (`bin/x` where `/bin -> usr/bin`) lands where the
  link leads, as containerd unpacks it. A directory member replaces a link of the same path.
- A directory and anything else of one path replace each other with all that was below.
- A second member of one path in a layer replaces the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auditor.image import limits
from auditor.image.hidden import Content, HiddenFiles
from auditor.image.rootfs import follow, join
from auditor.image.stream import DamagedError
from auditor.model import Entry, FileType, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.image.layer import LayerIndex

IMPLIED = -1
"""Row of a directory that only the paths of its files imply."""

_TYPES = tuple(FileType)
"""By value: a call of the enumeration takes ten times as long, and there are many."""


class Node(NamedTuple):
    """What stands at a real path."""

    layer: int
    """The layer that holds the content, and `row` its row there."""
    row: int
    written: int
    """The layer that put it at this path."""


class Merge:
    """The layers while they are merged, and the tree that comes of it.

    `nodes` by real path, and of each directory the names in it; `problems` of the layers and of
    their merging; `hidden`, the files of lower layers that the tree no longer has.
    """

    def __init__(self, indexes: Sequence[LayerIndex]) -> None:
        """Merge `indexes`, lowest first; raises `DamagedError` where that goes over a limit."""
        self.nodes: dict[str, Node] = {"/": Node(0, IMPLIED, 0)}
        self.children: dict[str, dict[str, None]] = {"/": {}}
        self.problems: list[Problem] = []
        self._indexes = indexes
        self._text = 0
        self._number = 0
        self._taken = HiddenFiles()
        for number, index in enumerate(indexes):
            self._number = number
            self.problems += index.problems
            self._hide(index)
            self._apply(number, index)
            self._taken.settle(self._content)
        self.problems += self._taken.problems()
        self.hidden = self._taken.result(
            self._content, ((node.layer, node.row) for node in self.nodes.values())
        )

    def entry(self, path: str) -> Entry | None:
        """Give the entry at a real path."""
        node = self.nodes.get(path)
        if node is None:
            return None
        if node.row == IMPLIED:
            return Entry(FileType.DIRECTORY, 0o755, 0, "", node.written)
        index = self._indexes[node.layer]
        row = node.row
        return Entry(
            _TYPES[index.kinds[row]],
            index.modes[row],
            index.sizes[row],
            index.targets.get(row, ""),
            node.written,
            index.mtimes[row],
        )

    def _hide(self, index: LayerIndex) -> None:
        """Take away what the layer's whiteouts hide of the layers below."""
        for folder in index.opaques:
            real = self._hidden_place(index, folder)
            for name in list(self.children.get(real, ())) if real else ():
                self._remove(join(real or "/", name))
        for path in index.whiteouts:
            folder, _, name = path.rpartition("/")
            real = self._hidden_place(index, folder or "/")
            if real is not None:
                self._remove(join(real, name))

    def _hidden_place(self, index: LayerIndex, folder: str) -> str | None:
        """Give the lower directory that a whiteout in `folder` means."""
        if folder in self.children:
            return folder
        # Where the layer itself puts a directory in place of a lower link, what the link led
        # to is not meant.
        above = [folder[:at] for at, char in enumerate(folder) if char == "/" and at] + [folder]
        links = {
            path
            for path in above
            if (node := self.entry(path)) is not None and node.type is FileType.SYMLINK
        }
        if links and any(
            path in links and index.kinds[row] == FileType.DIRECTORY
            for row, path in enumerate(index.paths)
        ):
            return None
        return follow(self.entry, folder)

    def _apply(self, number: int, index: LayerIndex) -> None:
        for row, path in enumerate(index.paths):
            if path == "/":
                self.nodes["/"] = Node(number, row, number)
                continue
            folder, _, name = path.rpartition("/")
            real = folder or "/"
            if real not in self.children:
                placed = follow(self.entry, folder, missing=True)
                if placed is None:
                    self._problem(path, "lies below a loop of links and was not applied")
                    continue
                real = placed
                self._make(real, number)
            target = index.links.get(row)
            node = (
                Node(number, row, number) if target is None else self._linked(path, target, number)
            )
            if node is not None:
                self._put(real, name, node)

    def _linked(self, path: str, target: str, number: int) -> Node | None:
        """Give the node for a hard link: what stands at its target now."""
        folder = target.rpartition("/")[0] or "/"
        place = target if folder in self.children else follow(self.entry, target, last=False)
        found = self.nodes.get(place) if place is not None else None
        if found is None or self._kind(found) is FileType.DIRECTORY:
            self._problem(path, f"is a hard link to {target}, which is no file below it")
            return None
        return found._replace(written=number)

    def _problem(self, path: str, why: str) -> None:
        if len(self.problems) < limits.PROBLEMS * 2:
            self.problems.append(Problem(path, why, path))

    def _make(self, folder: str, number: int) -> None:
        """Create a directory and its parents, replacing whatever is in the way."""
        at = 0
        while at != -1:
            at = folder.find("/", at + 1)
            path = folder if at == -1 else folder[:at]
            if path not in self.children:
                parent, _, name = path.rpartition("/")
                self._put(parent or "/", name, Node(number, IMPLIED, number))

    def _put(self, folder: str, name: str, node: Node) -> None:
        """Set what stands at a name of a real directory."""
        path = join(folder, name)
        directory = self._kind(node) is FileType.DIRECTORY
        if not directory:
            if path in self.children:
                self._remove(path)
        elif path not in self.children:
            self.children[path] = {}
        below = self.nodes.get(path)
        if below is not None:
            self._take(path, below)
        else:
            self._text += len(path)
            if self._text > limits.TREE_BYTES:
                raise DamagedError("has more files than the auditor reads")
        self.nodes[path] = node
        self.children[folder][name] = None

    def _remove(self, path: str) -> None:
        """Take away a path with all that is below it."""
        node = self.nodes.pop(path, None)
        if node is None:
            return
        self._take(path, node)
        folder, _, name = path.rpartition("/")
        del self.children[folder or "/"][name]
        waiting = [path]
        while waiting:
            top = waiting.pop()
            for child in self.children.pop(top, ()):
                below = join(top, child)
                self._take(below, self.nodes.pop(below))
                waiting.append(below)

    def _take(self, path: str, node: Node) -> None:
        """Note a file of a lower layer that the layer being merged takes away."""
        if node.written != self._number and (content := self._content_of(node)) is not None:
            self._taken.take(path, content, node.written, self._number)

    def _content(self, path: str) -> Content | None:
        """Give the content of the regular file at a real path."""
        node = self.nodes.get(path)
        return None if node is None else self._content_of(node)

    def _content_of(self, node: Node) -> Content | None:
        if self._kind(node) is not FileType.FILE:
            return None
        index = self._indexes[node.layer]
        return Content(node.layer, node.row, index.sizes[node.row], index.sha256(node.row))

    def _kind(self, node: Node) -> FileType:
        if node.row == IMPLIED:
            return FileType.DIRECTORY
        return _TYPES[self._indexes[node.layer].kinds[node.row]]
