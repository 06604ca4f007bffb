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
from auditor.image.codec.stream import DamagedError
from auditor.image.layers.hidden_files import Content, HiddenFiles
from auditor.image.tree.rootfs import follow, join
from auditor.model import Entry, FileType, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.image.layers.layer_index import LayerIndex

_NO_ROW = -1
"""Row of a directory that has no member of its own."""

_TYPES = tuple(FileType)
"""By value: a call of the enumeration takes ten times as long, and there are many."""


class Node(NamedTuple):
    """What is at a real path."""

    entry: Entry
    """Of the layer that put it at this path."""
    layer: int
    """The layer that holds the content, and `row` its row there."""
    row: int = _NO_ROW


class Merge:
    """The layers while they are merged, and the tree that comes of it.

    `nodes` by real path, and of each directory the names in it; `problems` of the layers and of
    their merging; `hidden`, the files of lower layers that the tree no longer has.
    """

    def __init__(self, indexes: Sequence[LayerIndex], *, layered: bool) -> None:
        """Merge `indexes`, lowest first; `layered` lets entries name them.

        Raises `DamagedError` where that goes over a limit.
        """
        self.nodes: dict[str, Node] = {"/": _implied_directory(0 if layered else None)}
        self.children: dict[str, dict[str, None]] = {"/": {}}
        self.problems: list[Problem] = []
        self._indexes = indexes
        self._path_bytes = 0
        self._number: int | None = None
        self._removed = HiddenFiles()
        for number, index in enumerate(indexes):
            self._number = number if layered else None
            self.problems += index.problems
            self._apply_whiteouts(index)
            self._apply(number, index)
            for path, layer in self._removed.end_layer(self._content):
                node = self.nodes[path]  # its bytes came with an earlier layer
                self.nodes[path] = node._replace(entry=node.entry._replace(layer=layer))
        self.problems += self._removed.problems()
        self.hidden = self._removed.result(
            self._content, ((node.layer, node.row) for node in self.nodes.values())
        )

    def entry(self, path: str) -> Entry | None:
        """Return the entry at a real path."""
        node = self.nodes.get(path)
        return None if node is None else node.entry

    def _apply_whiteouts(self, index: LayerIndex) -> None:
        for folder in index.opaques:
            real = self._whiteout_target(index, folder)
            for name in list(self.children.get(real, ())) if real else ():
                self._remove(join(real or "/", name))
        for path in index.whiteouts:
            folder, _, name = path.rpartition("/")
            real = self._whiteout_target(index, folder or "/")
            if real is not None:
                self._remove(join(real, name))

    def _whiteout_target(self, index: LayerIndex, folder: str) -> str | None:
        """Return the lower directory that a whiteout in `folder` means."""
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
        columns = (index.paths, index.kinds, index.modes, index.sizes, index.mtimes)
        for row, (path, kind, mode, size, mtime) in enumerate(zip(*columns, strict=True)):
            target = index.targets.get(row, "")
            entry = Entry(_TYPES[kind], mode, size, target, self._number, mtime, self._number)
            node: Node | None = Node(entry, number, row)
            if path == "/":
                self.nodes["/"] = Node(entry, number, row)
                continue
            folder, _, name = path.rpartition("/")
            real = folder or "/"
            if real not in self.children:
                placed = follow(self.entry, folder, missing=True)
                if placed is None:
                    self._problem(path, "lies below a loop of links and was not applied")
                    continue
                real = placed
                self._make_directory(real)
            if row in index.links:
                node = self._linked(path, index.links[row])
            if node is not None:
                self._put(real, name, node)

    def _linked(self, path: str, target: str) -> Node | None:
        """Return the node for a hard link: what is at its target now."""
        folder = target.rpartition("/")[0] or "/"
        place = target if folder in self.children else follow(self.entry, target, last=False)
        found = self.nodes.get(place) if place is not None else None
        if found is None or found.entry.type is FileType.DIRECTORY:
            self._problem(
                path, f"is a hard link to {target}, which is not a file of its own or a lower layer"
            )
            return None
        entry = found.entry._replace(layer=self._number, written=self._number)
        return found._replace(entry=entry)

    def _problem(self, path: str, why: str) -> None:
        if len(self.problems) < limits.PROBLEMS * 2:
            self.problems.append(Problem(path, why, path))

    def _make_directory(self, folder: str) -> None:
        at = 0
        while at != -1:
            at = folder.find("/", at + 1)
            path = folder if at == -1 else folder[:at]
            if path not in self.children:
                parent, _, name = path.rpartition("/")
                self._put(parent or "/", name, _implied_directory(self._number))

    def _put(self, folder: str, name: str, node: Node) -> None:
        path = join(folder, name)
        if node.entry.type is not FileType.DIRECTORY:
            if path in self.children:
                self._remove(path)
        elif path not in self.children:
            self.children[path] = {}
        below = self.nodes.get(path)
        if below is not None:
            self._note_removal(path, below)
        else:
            self._path_bytes += len(path)
            if self._path_bytes > limits.TREE_BYTES:
                raise DamagedError("has more files than the auditor reads")
        self.nodes[path] = node
        self.children[folder][name] = None

    def _remove(self, path: str) -> None:
        node = self.nodes.pop(path, None)
        if node is None:
            return
        self._note_removal(path, node)
        folder, _, name = path.rpartition("/")
        del self.children[folder or "/"][name]
        waiting = [path]
        while waiting:
            top = waiting.pop()
            for child in self.children.pop(top, ()):
                below = join(top, child)
                self._note_removal(below, self.nodes.pop(below))
                waiting.append(below)

    def _note_removal(self, path: str, node: Node) -> None:
        by, layer = self._number, node.entry.layer
        if by is None or layer is None or by == layer:
            return
        content = self._content_of(node)
        if content is not None:
            self._removed.add(path, content, layer, by)

    def _content(self, path: str) -> Content | None:
        node = self.nodes.get(path)
        return None if node is None else self._content_of(node)

    def _content_of(self, node: Node) -> Content | None:
        if node.entry.type is not FileType.FILE:
            return None
        digest = self._indexes[node.layer].sha256(node.row)
        return Content(node.layer, node.row, node.entry.size, digest)


def _implied_directory(layer: int | None) -> Node:
    return Node(Entry(FileType.DIRECTORY, 0o755, 0, "", layer, written=layer), 0)
