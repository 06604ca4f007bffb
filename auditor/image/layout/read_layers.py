"""Layers read, or known from an earlier reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.image.layers.image_budget import ImageBudget

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.layout.blob_store import LayerDescriptor, Store
    from auditor.image.read_options import ReadOptions


def read_layers(
    store: Store, layers: Sequence[LayerDescriptor], reading: ReadOptions
) -> list[tuple[LayerIndex, Opener | None]]:
    """Index layers but those that the cache knows; raises `ImageError`.

    A layer is known by the digest that a verified manifest gives to its bytes. One that a
    configuration names by its DiffID is read: nothing has shown that the bytes are those.
    """
    known = _known_layers(layers, reading)
    missing = [layer for layer in layers if layer not in known]
    read = dict(zip(missing, store.layers(missing, reading.progress), strict=True))
    if reading.cache is not None and read:
        for index, _ in read.values():
            reading.cache.keep_index(index)
        reading.cache.trim()
    return [
        (known[layer], store.opener(layer)) if layer in known else read[layer] for layer in layers
    ]


def _known_layers(
    layers: Iterable[LayerDescriptor], reading: ReadOptions
) -> dict[LayerDescriptor, LayerIndex]:
    if reading.cache is None or reading.verify:
        return {}
    budget = ImageBudget()
    known: dict[LayerDescriptor, LayerIndex] = {}
    for layer in dict.fromkeys(layers):
        index = None if layer.by_diff_id else reading.cache.index(layer.digest)
        if index is not None:
            budget.add_layer(index, layer.digest)
            known[layer] = index
    return known
