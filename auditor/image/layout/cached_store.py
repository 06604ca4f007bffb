"""An image of which everything was read before: its configuration and its layers' indexes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from auditor.image import limits
from auditor.image.codec.stream import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from auditor.image.codec.stream import Buffer
    from auditor.image.layers.layer_cache import LayerCache
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.layout.blob_store import LayerDescriptor
    from auditor.image.layout.resolved_image import ResolvedImage
    from auditor.progress import Progress


def keep_configuration(cache: LayerCache, resolved: ResolvedImage) -> None:
    """Keep an image's verified configuration under its digest."""
    cache.keep_document(resolved.digest, json.dumps(resolved.configuration).encode("ascii"))


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
        """Return nothing: the configuration is known already."""
        del name
        return None

    def layers(
        self, descriptors: Sequence[LayerDescriptor], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Return the indexes of all layers."""
        del progress
        return [
            (index, _LateOpener(self, number))
            for number, (index, _) in enumerate(zip(self._indexes, descriptors, strict=True))
        ]

    def opener(self, layer: LayerDescriptor) -> Opener | None:
        """Return nothing: `layers` returns the openers."""
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
