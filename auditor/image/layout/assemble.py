"""An `Image` from its parts: configuration, layers, and where their bytes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.errors import ImageError
from auditor.image.codec.stream import DamagedError
from auditor.image.documents import diff_ids, history, image_config, instructions
from auditor.image.layers.layer_tree import LayerTree
from auditor.image.layers.read_layers import keep_configuration, read_layers
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, Layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layout.blob_store import LayerName, Store
    from auditor.image.read_options import ReadOptions
    from auditor.model import Platform


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """The one image that a reference means, before its layers are read."""

    configuration: Mapping[str, Any]
    digest: str
    """Of the configuration."""
    manifest_digest: str | None
    layers: Sequence[LayerName]
    other_platforms: tuple[Platform, ...] = ()
    """What the reference leads to for other platforms."""


def assemble(chosen: ResolvedImage, store: Store, reference: str, reading: ReadOptions) -> Image:
    """Read the layers of an image and give it; raises `ImageError`."""
    ids = diff_ids(chosen.configuration, f"configuration {chosen.digest}")
    if len(ids) != len(chosen.layers):
        raise ImageError(
            f"the manifest lists {len(chosen.layers)} layers, its configuration {len(ids)}",
            "the image is damaged; save or pull it again",
        )
    wanted = [
        layer._replace(inner=diff_id.partition(":")[0] if reading.verify else None)
        for layer, diff_id in zip(chosen.layers, ids, strict=True)
    ]
    read = read_layers(store, wanted, reading)
    indexes = [index for index, _ in read]
    for index, diff_id in zip(indexes, ids, strict=True):
        _compare(index, diff_id)
    try:
        tree = LayerTree(indexes, [opener for _, opener in read])
    except DamagedError as error:
        raise ImageError(f"{reference} {error}", "it is no image that an engine runs") from error
    if reading.cache is not None:
        keep_configuration(reading.cache, chosen)
    steps = history(chosen.configuration)
    made = instructions(steps, len(ids))
    return Image(
        reference=reference,
        digest=chosen.digest,
        manifest_digest=chosen.manifest_digest,
        config=image_config(chosen.configuration),
        layers=tuple(
            Layer(diff_id, created_by, index.size)
            for diff_id, created_by, index in zip(ids, made, indexes, strict=True)
        ),
        rootfs=TreeRootfs(tree),
        problems=tuple(tree.problems),
        files=sum(index.files for index in indexes),
        bytes_read=sum(index.bytes_read for index in indexes),
        hidden=tree.hidden,
        history=steps,
        other_platforms=chosen.other_platforms,
    )


def _compare(index: LayerIndex, diff_id: str) -> None:
    """Compare unpacked bytes, where they were hashed, with what the configuration says of them."""
    algorithm = diff_id.partition(":")[0]
    if index.diff_id.startswith(f"{algorithm}:") and index.diff_id != diff_id:
        raise ImageError(
            f"layer {index.digest} unpacks to {index.diff_id}, the configuration says {diff_id}",
            "the image was altered or damaged, and no engine unpacks it; save or pull it again",
        )
