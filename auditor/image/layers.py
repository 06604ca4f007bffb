"""Layers laid over each other: one tree, as the image specification's layer.md has it.

Decisions where the specification leaves room:

- Whiteouts, opaque ones too, act on lower layers alone, whatever their position.
- A member below a symbolic link of the tree (`bin/x` where `/bin -> usr/bin`) lands where the
  link leads, as containerd unpacks it. A directory member replaces a link of the same path.
- A directory and anything else of one path replace each other with all that was below.
- A second member of one path in a layer replaces the first.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from auditor.image import limits
from auditor.image.compression import Compression, decompressed
from auditor.image.elf import Passing
from auditor.image.hidden import Content, HiddenFiles
from auditor.image.rootfs import follow, join
from auditor.image.stream import DamagedError, Source
from auditor.model import Entry, FileType, Problem, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from auditor.image.layer import LayerIndex
    from auditor.image.stream import Buffer
    from auditor.model import Elf

_IMPLIED = -1
"""Row of a directory that only the paths of its files imply."""

_TYPES = tuple(FileType)
"""By value: a call of the enumeration takes ten times as long, and there are many."""


class Opener(Protocol):
    """Reads a layer's bytes, as they are stored, once more."""

    @property
    def passes(self) -> int | None:
        """How often that may be asked of it; None where it reads from the middle at no cost."""

    def __call__(self, skip: int) -> AbstractContextManager[Iterator[Buffer]]:
        """Give the bytes after the first `skip` (which is 0 for compressed layers)."""


class _Node(NamedTuple):
    """What stands at a real path."""

    layer: int
    """The layer that holds the content, and `row` its row there."""
    row: int
    written: int
    """The layer that put it at this path."""


class LayerTree:
    """The merged layers, a `Tree` of real paths.

    `problems` are those of the layers and of their merging, `hidden` the files of lower layers
    that it no longer has.
    """

    def __init__(
        self,
        indexes: Sequence[LayerIndex],
        openers: Sequence[Opener | None],
        *,
        layered: bool = True,
    ) -> None:
        """Merge `indexes`, lowest first; `openers` read their bytes again where that can be.

        `layered` off says that there is one index, of a flat tree with no layer to name.
        Raises `DamagedError` where the tree goes over a limit.
        """
        self.problems: list[Problem] = []
        self._indexes = indexes
        self._openers = openers
        self._layered = layered
        self._completed: dict[int, dict[int, Elf]] = {}
        self._passes = [0] * len(indexes)
        self._nodes: dict[str, _Node] = {"/": _Node(0, _IMPLIED, 0)}
        self._children: dict[str, dict[str, None]] = {"/": {}}
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
            self._content, ((node.layer, node.row) for node in self._nodes.values())
        )

    # ------------------------------------------------------------------------- merging

    def _hide(self, index: LayerIndex) -> None:
        """Take away what the layer's whiteouts hide of the layers below."""
        for folder in index.opaques:
            real = self._hidden_place(index, folder)
            for name in list(self._children.get(real, ())) if real else ():
                self._remove(join(real or "/", name))
        for path in index.whiteouts:
            folder, _, name = path.rpartition("/")
            real = self._hidden_place(index, folder or "/")
            if real is not None:
                self._remove(join(real, name))

    def _hidden_place(self, index: LayerIndex, folder: str) -> str | None:
        """Give the lower directory that a whiteout in `folder` means."""
        if folder in self._children:
            return folder
        # Where the layer itself puts a directory in place of a lower link, what the link led
        # to is not meant.
        above = [folder[:at] for at, char in enumerate(folder) if char == "/" and at] + [folder]
        links = {
            path
            for path in above
            if (node := self.node(path)) is not None and node.type is FileType.SYMLINK
        }
        if links and any(
            path in links and index.kinds[row] == FileType.DIRECTORY
            for row, path in enumerate(index.paths)
        ):
            return None
        return follow(self.node, folder)

    def _apply(self, number: int, index: LayerIndex) -> None:
        for row, path in enumerate(index.paths):
            if path == "/":
                self._nodes["/"] = _Node(number, row, number)
                continue
            folder, _, name = path.rpartition("/")
            real = folder or "/"
            if real not in self._children:
                placed = follow(self.node, folder, missing=True)
                if placed is None:
                    self._problem(path, "lies below a loop of links and was not applied")
                    continue
                real = placed
                self._make(real, number)
            target = index.links.get(row)
            node = (
                _Node(number, row, number) if target is None else self._linked(path, target, number)
            )
            if node is not None:
                self._put(real, name, node)

    def _linked(self, path: str, target: str, number: int) -> _Node | None:
        """Give the node for a hard link: what stands at its target now."""
        folder = target.rpartition("/")[0] or "/"
        place = target if folder in self._children else follow(self.node, target, last=False)
        found = self._nodes.get(place) if place is not None else None
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
            if path not in self._children:
                parent, _, name = path.rpartition("/")
                self._put(parent or "/", name, _Node(number, _IMPLIED, number))

    def _put(self, folder: str, name: str, node: _Node) -> None:
        """Set what stands at a name of a real directory."""
        path = join(folder, name)
        directory = self._kind(node) is FileType.DIRECTORY
        if not directory:
            if path in self._children:
                self._remove(path)
        elif path not in self._children:
            self._children[path] = {}
        below = self._nodes.get(path)
        if below is not None:
            self._take(path, below)
        else:
            self._text += len(path)
            if self._text > limits.TREE_BYTES:
                raise DamagedError("has more files than the auditor reads")
        self._nodes[path] = node
        self._children[folder][name] = None

    def _remove(self, path: str) -> None:
        """Take away a path with all that is below it."""
        node = self._nodes.pop(path, None)
        if node is None:
            return
        self._take(path, node)
        folder, _, name = path.rpartition("/")
        del self._children[folder or "/"][name]
        waiting = [path]
        while waiting:
            top = waiting.pop()
            for child in self._children.pop(top, ()):
                below = join(top, child)
                self._take(below, self._nodes.pop(below))
                waiting.append(below)

    def _take(self, path: str, node: _Node) -> None:
        """Note a file of a lower layer that the layer being merged takes away."""
        if node.written != self._number and (content := self._content_of(node)) is not None:
            self._taken.take(path, content, node.written, self._number)

    def _content(self, path: str) -> Content | None:
        """Give the content of the regular file at a real path."""
        node = self._nodes.get(path)
        return None if node is None else self._content_of(node)

    def _content_of(self, node: _Node) -> Content | None:
        if self._kind(node) is not FileType.FILE:
            return None
        index = self._indexes[node.layer]
        return Content(node.layer, node.row, index.sizes[node.row], index.sha256(node.row))

    # ------------------------------------------------------------------------- reading

    def _kind(self, node: _Node) -> FileType:
        if node.row == _IMPLIED:
            return FileType.DIRECTORY
        return _TYPES[self._indexes[node.layer].kinds[node.row]]

    def node(self, path: str) -> Entry | None:
        """Give the entry at a real path."""
        node = self._nodes.get(path)
        if node is None:
            return None
        layer = node.written if self._layered else None
        if node.row == _IMPLIED:
            return Entry(FileType.DIRECTORY, 0o755, 0, "", layer)
        index = self._indexes[node.layer]
        row = node.row
        return Entry(
            _TYPES[index.kinds[row]],
            index.modes[row],
            index.sizes[row],
            index.targets.get(row, ""),
            layer,
            index.mtimes[row],
        )

    def names(self, path: str) -> Sequence[str]:
        """Give the sorted names in a real directory."""
        return sorted(self._children.get(path, ()))

    def descends(self, path: str) -> bool:
        """Tell whether a walk goes into `path`: always."""
        return path in self._children

    def _row(self, path: str) -> tuple[LayerIndex, int, int]:
        """Give a regular file's index, its layer number and the offset of its content."""
        node = self._nodes[path]
        index = self._indexes[node.layer]
        return index, node.layer, index.offsets[node.row]

    def elf(self, path: str) -> Elf | None:
        """Give a regular file's ELF facts, from the index or from the layer once more."""
        index, number, offset = self._row(path)
        found = index.elf.get(offset)
        if found is None or found.complete:
            return found
        if number not in self._completed:
            self._completed[number] = self._complete(path, number)
        return self._completed[number].get(offset, found)

    def _complete(self, path: str, number: int) -> dict[int, Elf]:
        """Read what passed by too early, of every file of a layer that this happened to."""
        index = self._indexes[number]
        spans = {
            offset: index.sizes[row]
            for row, offset in enumerate(index.offsets)
            if row not in index.links and (elf := index.elf.get(offset)) and not elf.complete
        }
        found: dict[int, Elf] = {}
        with suppress(UnreadableError):
            for offset, pieces in self._again(path, number, spans):
                passing = Passing(limits.ELF_HEAD)
                for piece in pieces:
                    passing.feed(piece)
                elf = passing.facts()
                if elf is not None:
                    found[offset] = elf
            return found  # at its end a layer may turn out to be another one than before
        return {}

    def versions(self, path: str) -> tuple[str, ...]:
        """Give a regular file's version strings."""
        index, _, offset = self._row(path)
        return index.versions.get(offset, ())

    def bytecode_header(self, path: str) -> bytes:
        """Give the first bytes of a .pyc file."""
        index, _, offset = self._row(path)
        return index.bytecode.get(offset, b"")

    def read(self, path: str, limit: int) -> bytes:
        """Give a regular file's content, from the index or from the layer once more."""
        index, number, offset = self._row(path)
        if offset in index.contents:
            return index.contents[offset]
        if offset in index.unreadable:
            raise UnreadableError(path, index.unreadable[offset])
        size = index.sizes[self._nodes[path].row]
        content = b""
        for _, pieces in self._again(path, number, {offset: size}):
            content = b"".join(pieces)[:limit]
        return content

    def may_load(self, path: str) -> bool:
        """Tell whether a regular file is a source that may load a library by its name."""
        index, _, offset = self._row(path)
        return offset in index.loaders

    def contents(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of regular files, each layer's in one pass."""
        wanted: dict[int, dict[int, list[str]]] = {}
        for path in paths:
            index, number, offset = self._row(path)
            if offset in index.contents:
                yield path, index.contents[offset]
            elif offset not in index.unreadable:
                wanted.setdefault(number, {}).setdefault(offset, []).append(path)
        for number, linked in sorted(wanted.items()):
            with suppress(UnreadableError):
                for offset, pieces in self._again("", number, self._spans(number, linked)):
                    content = b"".join(pieces)
                    for path in linked[offset]:
                        yield path, content

    def _spans(self, number: int, linked: Mapping[int, Sequence[str]]) -> dict[int, int]:
        """Give the size of the content at each offset, which the paths there share."""
        sizes = self._indexes[number].sizes
        return {offset: sizes[self._nodes[same[0]].row] for offset, same in linked.items()}

    def digests(self, paths: Sequence[str], algorithm: str) -> Mapping[str, bytes]:
        """Give the digests of regular files: sha256 is known, others cost another reading."""
        found: dict[str, bytes] = {}
        wanted: dict[int, dict[int, list[str]]] = {}
        for path in paths:
            node = self._nodes[path]
            index = self._indexes[node.layer]
            offset = index.offsets[node.row]
            if offset in index.unreadable:
                continue
            if algorithm == "sha256":
                found[path] = index.sha256(node.row)
            elif offset in index.contents:
                found[path] = hashlib.new(algorithm, index.contents[offset]).digest()
            else:
                wanted.setdefault(node.layer, {}).setdefault(offset, []).append(path)
        for number, linked in sorted(wanted.items()):
            read: dict[str, bytes] = {}
            with suppress(UnreadableError):
                for offset, pieces in self._again("", number, self._spans(number, linked)):
                    whole = hashlib.new(algorithm)
                    for piece in pieces:
                        whole.update(piece)
                    read.update(dict.fromkeys(linked[offset], whole.digest()))
                # At its end a layer may turn out to be another one than before.
                found |= read
        return found

    def _again(
        self, path: str, number: int, spans: Mapping[int, int]
    ) -> Iterator[tuple[int, Iterator[memoryview]]]:
        """Yield offset and content of every span (offset -> size) of one layer, in one pass.

        Raises `UnreadableError` for `path` where the layer cannot be read again.
        """
        opener = self._openers[number]
        plain = self._indexes[number].compression is Compression.PLAIN
        if opener is None:
            raise UnreadableError(path, "was not kept, and its layer came in a stream")
        self._passes[number] += 1
        allowed = opener.passes
        if allowed is None and not plain:
            allowed = limits.PASSES
        if allowed is not None and self._passes[number] > allowed:
            raise UnreadableError(path, "was not kept, and its layer was read often enough")
        offsets = sorted(spans)
        skipped = offsets[0] if plain else 0
        try:
            with opener(skipped) as chunks:
                source = Source(chunks if plain else decompressed(chunks)[1])
                for offset in offsets:
                    source.skip(offset - skipped - source.position)
                    yield offset, source.pieces(spans[offset])
        except (DamagedError, OSError) as error:
            raise UnreadableError(path, f"its layer {error}") from error
