"""Layers laid over each other as a `Tree`: what their indexes know, and what is read once more."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from auditor.image import limits
from auditor.image.codec.compression import Compression, decompressed
from auditor.image.codec.elf_stream import StreamingElfReader
from auditor.image.codec.stream import DamagedError, Source
from auditor.image.layers.merge import Merge
from auditor.model import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from auditor.image.codec.stream import Buffer
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.model import Elf, Entry


class Opener(Protocol):
    """Reads a layer's bytes, as they are stored, once more."""

    @property
    def passes(self) -> int | None:
        """How often that may be asked of it; None where it reads from the middle at no cost."""

    def __call__(self, skip: int) -> AbstractContextManager[Iterator[Buffer]]:
        """Return the bytes after the first `skip` (which is 0 for compressed layers)."""


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
        merge = Merge(indexes, layered=layered)
        self.problems = merge.problems
        self.hidden = merge.hidden
        self._children = merge.children
        self._nodes = merge.nodes
        self._indexes = indexes
        self._openers = openers
        self._entries = {path: node.entry for path, node in merge.nodes.items()}
        # A bound method of a dictionary: this is asked hundreds of thousands of times.
        self.node = self.known = self._entries.get
        self._completed: dict[int, dict[int, Elf]] = {}
        self._passes = [0] * len(indexes)

    def names(self, path: str) -> Sequence[str]:
        """Return the sorted names in a real directory."""
        return sorted(self._children.get(path, ()))

    def below(self, path: str) -> Iterator[tuple[str, Entry]]:
        """Return every path below a real directory with its entry, sorted."""
        start = _components("" if path == "/" else path)
        # Behind the root itself, whose name is the separator.
        first = bisect_right(self._paths, f"{start}\0", key=_components)
        last = bisect_left(self._paths, f"{start}\1", first, key=_components)
        return islice(self._listed, first, last)

    @cached_property
    def _paths(self) -> list[str]:
        """Every path, directories before what is in them."""
        return sorted(self._nodes, key=_components)

    @cached_property
    def _listed(self) -> list[tuple[str, Entry]]:
        """The same, with their entries."""
        return [(path, self._entries[path]) for path in self._paths]

    def _row(self, path: str) -> tuple[LayerIndex, int, int]:
        """Return a regular file's index, its layer number and the offset of its content."""
        node = self._nodes[path]
        index = self._indexes[node.layer]
        return index, node.layer, index.offsets[node.row]

    def elf(self, path: str) -> Elf | None:
        """Return a regular file's ELF facts, from the index or from the layer once more."""
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
                reader = StreamingElfReader(limits.ELF_HEAD)
                for piece in pieces:
                    reader.feed(piece)
                elf = reader.facts()
                if elf is not None:
                    found[offset] = elf
            return found  # at its end a layer may turn out to be another one than before
        return {}

    def versions(self, path: str) -> tuple[str, ...]:
        """Return a regular file's version strings."""
        index, _, offset = self._row(path)
        return index.versions.get(offset, ())

    def bytecode_header(self, path: str) -> bytes:
        """Return the first bytes of a .pyc file."""
        index, _, offset = self._row(path)
        return index.bytecode.get(offset, b"")

    def read(self, path: str, limit: int) -> bytes:
        """Return a regular file's content, from the index or from the layer once more."""
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

    def references_dlopen(self, path: str) -> bool:
        """Return whether a regular file is a source that may load a library by its name."""
        index, _, offset = self._row(path)
        return offset in index.loaders

    def contents(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of regular files, each layer's in one pass."""
        wanted: dict[int, dict[int, list[str]]] = {}
        for path in paths:
            index, number, offset = self._row(path)
            held = (
                index.transient_contents if offset in index.transient_contents else index.contents
            )
            if offset in held:
                yield path, held[offset]
            elif offset not in index.unreadable:
                wanted.setdefault(number, {}).setdefault(offset, []).append(path)
        for number, linked in sorted(wanted.items()):
            with suppress(UnreadableError):
                for offset, pieces in self._again("", number, self._spans(number, linked)):
                    content = b"".join(pieces)
                    for path in linked[offset]:
                        yield path, content

    def _spans(self, number: int, linked: Mapping[int, Sequence[str]]) -> dict[int, int]:
        """Return the size of the content at each offset, which the paths there share."""
        sizes = self._indexes[number].sizes
        return {offset: sizes[self._nodes[same[0]].row] for offset, same in linked.items()}

    def digests(self, paths: Sequence[str], algorithm: str) -> Mapping[str, bytes]:
        """Return the digests of regular files: sha256 is known, others cost another reading."""
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


def _components(path: str) -> str:
    """Return a path so that it sorts by its components; no path holds a zero byte."""
    return path.replace("/", "\0")
