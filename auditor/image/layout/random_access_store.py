"""Layouts whose files can be read at any time: each is a range of a file of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.layers.layer_request import LayerRequest
from auditor.image.layers.layer_tree import Opener
from auditor.image.layout.blob_store import REPULL_HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.image.codec.stream import FileRange
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layers.worker_pool import LayerWorkers
    from auditor.image.layout.blob_store import LayerDescriptor
    from auditor.progress import Progress


class RandomAccessStore:
    """The files of a layout by name."""

    def __init__(
        self,
        locate: Callable[[str], FileRange | None],
        workers: Callable[[], LayerWorkers] | None = None,
    ) -> None:
        self._locate = locate
        self._workers = workers

    def document(self, name: str) -> bytes | None:
        """Return the content of a JSON document."""
        place = self._locate(name)
        if place is None:
            return None
        if place.size > limits.JSON_BYTES:
            raise ImageError(
                f"{name} has {place.size} bytes, more than the auditor reads", REPULL_HINT
            )
        with place.open() as chunks:
            return b"".join(chunks)

    def layers(
        self, descriptors: Sequence[LayerDescriptor], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Index layers, on several processors where they are many bytes."""
        if not descriptors:
            return []
        requests = [
            LayerRequest(self._place(each), each.digest, each.by_diff_id, each.diff_id_algorithm)
            for each in descriptors
        ]
        from auditor.image.layers.worker_pool import index_layers  # noqa: PLC0415 -- a warm run needs none

        indexes = index_layers(requests, progress, self._workers() if self._workers else None)
        return [
            (index, Opener(request.place.open, passes=None))
            for index, request in zip(indexes, requests, strict=True)
        ]

    def opener(self, layer: LayerDescriptor) -> Opener:
        """Return what reads a layer's bytes."""
        return Opener(self._place(layer).open, passes=None)

    def _place(self, layer: LayerDescriptor) -> FileRange:
        place = self._locate(layer.name)
        if place is None:
            raise ImageError(f"layer {layer.digest} is missing from the image", layer.hint)
        return place
