"""Layers laid over each other as a `Tree`: what their indexes know, and what is read once more."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from auditor.image import limits
from auditor.image.codec.compression import Compression, decompressed
from auditor.image.codec.elf_stream import StreamingElfReader
from auditor.image.codec.stream import DamagedError, Source
from auditor.image.layers.merge import Merge
from auditor.model import NO_FACTS, FileFacts, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from auditor.image.codec.stream import Buffer
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.model import Elf, Entry


class Opener(NamedTuple):
    """Reads a layer's bytes, as they are stored, once more."""

    open_at: Callable[[int], AbstractContextManager[Iterator[Buffer]]]
    """Returns the bytes after the first so many (0 for compressed layers)."""
    passes: int | None = limits.STREAM_PASSES
    """How often it may be called; None where it reads from the middle at no cost."""


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
        # A bound method of a dictionary: this is called hundreds of thousands of times.
        self.node = self.known = self._entries.get
        self._completed: dict[int, dict[int, Elf]] = {}
        self._passes = [0] * len(indexes)

    def names(self, path: str) -> Sequence[str]:
        """Return the sorted names in a real directory."""
        return sorted(self._children.get(path, ()))

    def below(self, path: str) -> Iterator[tuple[str, Entry]]:
        """Return every path below a real directory with its entry, sorted."""
        start = "" if path == "/" else path.replace("/", "\0")
        # Behind the root itself, whose name is the separator.
        first = bisect_right(self._listed, f"{start}\0", key=_components)
        last = bisect_left(self._listed, f"{start}\1", first, key=_components)
        return islice(self._listed, first, last)

    @cached_property
    def _listed(self) -> list[tuple[str, Entry]]:
        """Every path with its entry, directories before what is in them."""
        return sorted(self._entries.items(), key=_components)

    def _content(self, path: str) -> tuple[LayerIndex, int, int]:
        """Return the index of a regular file's layer, its number and the content's offset there."""
        node = self._nodes[path]
        index = self._indexes[node.layer]
        return index, node.layer, index.offsets[node.row]

    def facts(self, path: str) -> FileFacts:
        """Return what the index of its layer knows of a regular file."""
        node = self._nodes[path]
        index = self._indexes[node.layer]
        offset = index.offsets[node.row]
        # Most files have none, and every audit asks about tens of thousands.
        if (
            offset in index.elf
            or offset in index.bytecode
            or offset in index.dlopen_sources
            or offset in index.versions
        ):
            return _IndexedFacts(self, path, index, offset)
        return NO_FACTS

    def complete_elf(self, path: str, incomplete: Elf) -> Elf:
        """Read once more what lay too far for the first reading, if that is possible."""
        _, number, offset = self._content(path)
        if number not in self._completed:
            self._completed[number] = self._complete(path, number)
        return self._completed[number].get(offset, incomplete)

    def _complete(self, path: str, number: int) -> dict[int, Elf]:
        """Return the facts of all ELF files of a layer that the first reading left incomplete."""
        index = self._indexes[number]
        sizes = {
            offset: index.sizes[row]
            for row, offset in enumerate(index.offsets)
            if row not in index.links and (elf := index.elf.get(offset)) and not elf.complete
        }
        found: dict[int, Elf] = {}
        with suppress(UnreadableError):
            for offset, pieces in self._reread(path, number, sizes):
                reader = StreamingElfReader(limits.ELF_HEAD)
                for piece in pieces:
                    reader.feed(piece)
                if (elf := reader.facts()) is not None:
                    found[offset] = elf
            return found  # at its end a layer may turn out to be another one than before
        return {}

    def read(self, path: str, limit: int) -> bytes:
        """Return a regular file's content, from the index or from the layer once more."""
        index, number, offset = self._content(path)
        if offset in index.contents:
            return index.contents[offset]
        if offset in index.unreadable:
            raise UnreadableError(path, index.unreadable[offset])
        content = b""
        for _, pieces in self._reread(path, number, {offset: self._entries[path].size}):
            content = b"".join(pieces)[:limit]
        return content

    def contents(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of regular files, each layer's in one pass."""
        not_held: list[str] = []
        for path in paths:
            index, _, offset = self._content(path)
            content = index.transient_contents.get(offset, index.contents.get(offset))
            if content is None:
                not_held.append(path)
            else:
                yield path, content
        for number, linked, sizes in self._by_layer(not_held):
            with suppress(UnreadableError):
                for offset, pieces in self._reread("", number, sizes):
                    content = b"".join(pieces)
                    for path in linked[offset]:
                        yield path, content

    def digests(self, paths: Sequence[str], algorithm: str) -> Mapping[str, bytes]:
        """Return the digests of regular files: sha256 is known, others cost another reading."""
        found: dict[str, bytes] = {}
        not_held: list[str] = []
        for path in paths:
            index, _, offset = self._content(path)
            if algorithm != "sha256" and offset in index.contents:
                found[path] = hashlib.new(algorithm, index.contents[offset]).digest()
            elif algorithm != "sha256":
                not_held.append(path)
            elif offset not in index.unreadable:
                found[path] = index.sha256(self._nodes[path].row)
        for number, linked, sizes in self._by_layer(not_held):
            read: dict[str, bytes] = {}
            with suppress(UnreadableError):
                for offset, pieces in self._reread("", number, sizes):
                    whole = hashlib.new(algorithm)
                    for piece in pieces:
                        whole.update(piece)
                    read.update(dict.fromkeys(linked[offset], whole.digest()))
                # At its end a layer may turn out to be another one than before.
                found |= read
        return found

    def _by_layer(
        self, paths: Sequence[str]
    ) -> Iterator[tuple[int, Mapping[int, Sequence[str]], Mapping[int, int]]]:
        layers: dict[int, dict[int, list[str]]] = {}
        for path in paths:
            index, number, offset = self._content(path)
            if offset not in index.unreadable:
                layers.setdefault(number, {}).setdefault(offset, []).append(path)
        for number, linked in sorted(layers.items()):
            sizes = {offset: self._entries[same[0]].size for offset, same in linked.items()}
            yield number, linked, sizes

    def _reread(
        self, path: str, number: int, sizes: Mapping[int, int]
    ) -> Iterator[tuple[int, Iterator[memoryview]]]:
        """Yield offset and content of each file (offset -> size) of one layer, in one pass.

        Raises `UnreadableError` for `path` where the layer cannot be read again.
        """
        opener = self._openers[number]
        if opener is None:
            raise UnreadableError(path, "was not kept, and its layer came in a stream")
        plain = self._indexes[number].compression is Compression.PLAIN
        self._passes[number] += 1
        allowed = limits.PASSES if opener.passes is None and not plain else opener.passes
        if allowed is not None and self._passes[number] > allowed:
            raise UnreadableError(path, f"was not kept, and its layer was read {allowed} times")
        offsets = sorted(sizes)
        skipped = offsets[0] if plain else 0
        try:
            with opener.open_at(skipped) as chunks:
                source = Source(chunks if plain else decompressed(chunks)[1])
                for offset in offsets:
                    source.skip(offset - skipped - source.position)
                    yield offset, source.pieces(sizes[offset])
        except (DamagedError, OSError) as error:
            raise UnreadableError(path, f"its layer {error}") from error


@dataclass(slots=True)
class _IndexedFacts(FileFacts):
    """What a layer's index knows of a regular file."""

    _tree: LayerTree
    _path: str
    _index: LayerIndex
    _offset: int

    @property
    def elf(self) -> Elf | None:
        found = self._index.elf.get(self._offset)
        if found is None or found.complete:
            return found
        return self._tree.complete_elf(self._path, found)

    @property
    def versions(self) -> tuple[str, ...]:
        return self._index.versions.get(self._offset, ())

    @property
    def bytecode_header(self) -> bytes:
        named = self._path.endswith(".pyc")
        return self._index.bytecode.get(self._offset, b"") if named else b""

    @property
    def references_dlopen(self) -> bool:
        return self._offset in self._index.dlopen_sources


def _components(item: tuple[str, Entry]) -> str:
    """Return what sorts an entry by the components of its path; no path holds a zero byte."""
    return item[0].replace("/", "\0")
