"""Layers read, or remembered from an earlier reading."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from auditor.image import limits
from auditor.image.codec.stream import DamagedError
from auditor.image.layers.layer_index import Budget
from auditor.image.layers.layer_request import admit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from auditor.image.codec.stream import Buffer
    from auditor.image.layers.layer_cache import LayerCache
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.layout.assemble import ResolvedImage
    from auditor.image.layout.blob_store import LayerName, Store
    from auditor.image.read_options import ReadOptions
    from auditor.progress import Progress


def read_layers(
    store: Store, wanted: Sequence[LayerName], reading: ReadOptions
) -> list[tuple[LayerIndex, Opener | None]]:
    """Index layers but those that the cache knows; raises `ImageError`.

    A layer is known by the digest that a verified manifest gives to its bytes. One that a
    configuration names by its DiffID is read: nothing has shown that the bytes are those.
    """
    known = _known(wanted, reading)
    missing = [layer for layer in wanted if layer not in known]
    read = dict(zip(missing, store.layers(missing, reading.progress), strict=True))
    if reading.cache is not None and read:
        for index, _ in read.values():
            reading.cache.keep_index(index)
        reading.cache.trim()
    return [
        (known[layer], store.opener(layer)) if layer in known else read[layer] for layer in wanted
    ]


def _known(wanted: Iterable[LayerName], reading: ReadOptions) -> dict[LayerName, LayerIndex]:
    if reading.cache is None or reading.verify:
        return {}
    budget = Budget()
    known: dict[LayerName, LayerIndex] = {}
    for layer in dict.fromkeys(wanted):
        index = None if layer.by_diff_id else reading.cache.index(layer.digest)
        if index is not None:
            admit(index, layer.digest, budget)
            known[layer] = index
    return known


def keep_configuration(cache: LayerCache, chosen: ResolvedImage) -> None:
    """Keep an image's verified configuration under its digest."""
    cache.keep_document(chosen.digest, json.dumps(chosen.configuration).encode("ascii"))


def configuration(cache: LayerCache, digest: str) -> Mapping[str, Any] | None:
    """Return the configuration that was verified under this digest."""
    content = cache.document(digest)
    if content is None:
        return None
    found: Mapping[str, Any] = json.loads(content)
    return found


class CachedStore:
    """The layers of an image that the cache holds, all of them; nothing is read.

    `find` gives what reads each layer's bytes, for the rare question that an index cannot
    answer; it is asked at most once.
    """

    def __init__(
        self, indexes: Sequence[LayerIndex], find: Callable[[], Sequence[Opener | None]]
    ) -> None:
        """Hold `indexes`, lowest first."""
        self._indexes = indexes
        self._find = find

    def document(self, name: str) -> bytes | None:
        """Return nothing: what an image's documents say is known already."""
        del name
        return None

    def layers(
        self, wanted: Sequence[LayerName], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Return the indexes of all layers."""
        del progress
        return [
            (index, _LateOpener(self, number))
            for number, (index, _) in enumerate(zip(self._indexes, wanted, strict=True))
        ]

    def opener(self, layer: LayerName) -> Opener | None:
        """Return nothing: `layers` has given them."""
        del layer
        return None

    @cached_property
    def openers(self) -> Sequence[Opener | None]:
        """What reads each layer."""
        return self._find()


class _LateOpener:
    """Reads a layer that has to be found first."""

    passes = limits.STREAM_PASSES

    def __init__(self, store: CachedStore, number: int) -> None:
        self._store = store
        self._number = number

    @contextmanager
    def __call__(self, skip: int) -> Iterator[Iterator[Buffer]]:
        """Return the bytes after the first `skip`."""
        opener = self._store.openers[self._number]
        if opener is None:
            raise DamagedError("is gone")
        with opener(skip) as chunks:
            yield chunks
