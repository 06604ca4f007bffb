"""An `Image` from its parts: configuration, layers, and where their bytes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image.codec.stream import DamagedError
from auditor.image.documents import diff_ids, history, image_config, instructions
from auditor.image.layers.layer_tree import LayerTree
from auditor.image.layers.verification import verify_diff_id
from auditor.image.layout.cached_store import keep_configuration
from auditor.image.layout.read_layers import read_layers
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, Layer

if TYPE_CHECKING:
    from auditor.image.layout.blob_store import Store
    from auditor.image.layout.resolved_image import ResolvedImage
    from auditor.image.read_options import ReadOptions


def assemble(resolved: ResolvedImage, store: Store, reference: str, reading: ReadOptions) -> Image:
    """Read the layers of an image and return it; raises `ImageError`."""
    ids = diff_ids(resolved.configuration, f"configuration {resolved.digest}")
    if len(ids) != len(resolved.layers):
        raise ImageError(
            f"the manifest lists {len(resolved.layers)} layers, its configuration {len(ids)}",
            "the image is damaged; save or pull it again",
        )
    layers = [
        layer._replace(diff_id_algorithm=diff_id.partition(":")[0] if reading.verify else None)
        for layer, diff_id in zip(resolved.layers, ids, strict=True)
    ]
    indexes, openers = [], []
    for (index, opener), diff_id in zip(read_layers(store, layers, reading), ids, strict=True):
        verify_diff_id(index, diff_id)
        indexes.append(index)
        openers.append(opener)
    try:
        tree = LayerTree(indexes, openers)
    except DamagedError as error:
        raise ImageError(f"{reference} {error}", "no engine could run such an image") from error
    if reading.cache is not None:
        keep_configuration(reading.cache, resolved)
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
