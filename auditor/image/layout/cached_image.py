"""An image of which everything was read before: its configuration and its layers' indexes."""

from __future__ import annotations

import json
from functools import cache, partial
from typing import TYPE_CHECKING

from auditor.image.documents import diff_ids
from auditor.image.layers.layer_tree import Opener
from auditor.image.layout.assemble import assemble
from auditor.image.layout.blob_store import LayerDescriptor, ResolvedImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from auditor.image.codec.stream import Buffer
    from auditor.image.layers.layer_cache import LayerCache
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.model import Image

    Find = Callable[[], Sequence[Opener]]


def cached_image(layer_cache: LayerCache, digest: str, reference: str, find: Find) -> Image | None:
    """Return the image with this configuration; None where the cache has not all of it.

    `find` returns what reads each layer's bytes, for the rare question that an index cannot
    answer; it is called at most once.
    """
    content = layer_cache.document(digest)
    if content is None:
        return None
    configuration = json.loads(content)
    ids = diff_ids(configuration, digest)
    find_once = cache(find)
    layers: list[tuple[LayerIndex, Opener]] = []
    for number, diff_id in enumerate(ids):
        index = layer_cache.index(diff_id)
        if index is None:
            return None
        layers.append((index, Opener(partial(_open_layer, find_once, number))))
    descriptors = [LayerDescriptor("", diff_id, by_diff_id=True) for diff_id in ids]
    return assemble(ResolvedImage(configuration, digest, None, descriptors), reference, layers)


def _open_layer(find: Find, number: int, skip: int) -> AbstractContextManager[Iterator[Buffer]]:
    return find()[number].open_at(skip)
