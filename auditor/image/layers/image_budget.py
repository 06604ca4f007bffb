"""What the layers of one image may take up together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.image import limits
from auditor.image.codec.stream import DamagedError
from auditor.image.layers.layer_request import layer_error

if TYPE_CHECKING:
    from auditor.image.layers.layer_index import LayerIndex


class ImageBudget:
    """Counts the layers of one image, and cuts what they keep down to the limit."""

    def __init__(self) -> None:
        self._entries = 0
        self._path_bytes = 0
        self._kept = 0

    def add(self, index: LayerIndex) -> None:
        """Count an index, and drop its contents where the image has too many already.

        Raises `DamagedError` where the image has more files than the auditor reads.
        """
        self._entries += len(index.paths)
        self._path_bytes += index.path_bytes
        if self._entries > limits.IMAGE_ENTRIES or self._path_bytes > limits.TREE_BYTES:
            raise DamagedError("and those below it hold more files than the auditor reads")
        kept = sum(map(len, index.contents.values()))
        if self._kept + kept > limits.KEPT_IMAGE:
            index.contents.clear()
            index.truncated = True
        else:
            self._kept += kept

    def add_layer(self, index: LayerIndex, digest: str) -> None:
        """Count an index; raises `ImageError` naming the layer where there is too much."""
        try:
            self.add(index)
        except DamagedError as error:
            raise layer_error(digest, error) from error
