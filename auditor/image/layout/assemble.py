"""An `Image` from its parts: configuration, layers, and where their bytes are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image.codec.stream import DamagedError
from auditor.image.documents import diff_ids, history, image_config, instructions
from auditor.image.layers.layer_request import ImageBudget, verify_diff_id
from auditor.image.layers.layer_tree import LayerTree
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, Layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.layout.blob_store import LayerDescriptor, ResolvedImage, Store
    from auditor.image.read_options import ReadOptions


def read_image(
    resolved: ResolvedImage, store: Store, reference: str, reading: ReadOptions
) -> Image:
    """Return an image whose layers are read, or known from an earlier reading.

    A layer is known by the digest that a verified manifest gives to its bytes. One that a
    configuration names by its DiffID is read: nothing has shown that the bytes are those.
    Raises `ImageError`.
    """
    algorithms = [each.partition(":")[0] if reading.verify else None for each in _ids(resolved)]
    layers = [
        layer._replace(diff_id_algorithm=algorithm)
        for layer, algorithm in zip(resolved.layers, algorithms, strict=True)
    ]
    known = _known_layers(layers, reading)
    missing = [layer for layer in layers if layer not in known]
    read = dict(zip(missing, store.layers(missing, reading.progress), strict=True))
    if reading.cache is not None and read:
        for index, _ in read.values():
            reading.cache.keep_index(index)
        reading.cache.trim()
    image = assemble(
        resolved,
        reference,
        [(known[each], store.opener(each)) if each in known else read[each] for each in layers],
    )
    if reading.cache is not None:
        verified = json.dumps(resolved.configuration).encode("ascii")
        reading.cache.keep_document(resolved.digest, verified)
    return image


def assemble(
    resolved: ResolvedImage, reference: str, layers: Sequence[tuple[LayerIndex, Opener | None]]
) -> Image:
    """Return an image from the indexes of its layers; raises `ImageError`."""
    ids = _ids(resolved)
    indexes = [index for index, _ in layers]
    for index, diff_id in zip(indexes, ids, strict=True):
        verify_diff_id(index, diff_id)
    try:
        tree = LayerTree(indexes, [opener for _, opener in layers])
    except DamagedError as error:
        raise ImageError(f"{reference} {error}", "no engine could run such an image") from error
    steps = history(resolved.configuration)
    return Image(
        reference=reference,
        digest=resolved.digest,
        manifest_digest=resolved.manifest_digest,
        config=image_config(resolved.configuration),
        layers=tuple(map(Layer, ids, instructions(steps, len(ids)), [i.size for i in indexes])),
        rootfs=TreeRootfs(tree),
        problems=tuple(tree.problems),
        files=sum(index.files for index in indexes),
        bytes_read=sum(index.bytes_read for index in indexes),
        hidden=tree.hidden,
        history=steps,
        other_platforms=resolved.other_platforms,
    )


def _ids(resolved: ResolvedImage) -> list[str]:
    """Return the DiffIDs of an image's layers; raises `ImageError` where these are others."""
    ids = diff_ids(resolved.configuration, f"configuration {resolved.digest}")
    if len(ids) != len(resolved.layers):
        raise ImageError(
            f"the manifest lists {len(resolved.layers)} layers, its configuration {len(ids)}",
            "the image is damaged; save or pull it again",
        )
    return ids


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
