"""Layers read, verified by the digests that name them, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.codec.stream import DamagedError, counted
from auditor.image.layers.layer_index_builder import Hashing, index_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.image.codec.stream import FileRange
    from auditor.image.layers.layer_index import LayerIndex


class LayerRequest(NamedTuple):
    """A layer in a file of this machine that is to be indexed."""

    place: FileRange
    digest: str
    by_diff_id: bool
    diff_id_algorithm: str | None = None
    """As for `Hashing`."""


def index_request(request: LayerRequest, count: Callable[[int], None]) -> LayerIndex:
    """Index one layer and verify it; `count` gets the number of bytes of each chunk read.

    Raises `ImageError`, which names the layer's digest.
    """
    algorithm = request.digest.partition(":")[0]
    hashing = Hashing(algorithm, request.by_diff_id, request.diff_id_algorithm)
    try:
        with request.place.open() as chunks:
            index = index_layer(counted(chunks, count), hashing)
    except (DamagedError, OSError) as error:
        raise layer_error(request.digest, error) from error
    verify_digest(index, request.digest)
    return index


def layer_error(digest: str, error: Exception) -> ImageError:
    """Return the error for a layer that cannot be read."""
    why = error.strerror if isinstance(error, OSError) else error
    return ImageError(
        f"layer {digest} {why}", "the image is damaged or incomplete; save or pull it again"
    )


def verify_digest(index: LayerIndex, digest: str) -> None:
    """Compare the bytes read with what they were addressed by; raises `ImageError`."""
    if digest not in {index.digest, index.diff_id}:
        raise ImageError(
            f"layer {digest} has other bytes: their digest is {index.digest}",
            "the image was altered or damaged; save or pull it again",
        )


def verify_diff_id(index: LayerIndex, diff_id: str) -> None:
    """Compare unpacked bytes, where they were hashed, with the configuration; raises `ImageError`.

    Digests of two algorithms cannot be compared.
    """
    algorithm = diff_id.partition(":")[0]
    if index.diff_id.startswith(f"{algorithm}:") and index.diff_id != diff_id:
        raise ImageError(
            f"layer {index.digest} unpacks to {index.diff_id}, the configuration says {diff_id}",
            "the image was altered or damaged, and no engine unpacks it; save or pull it again",
        )


class ImageBudget:
    """Counts what the layers of one image take up, and cuts what they keep down to the limit."""

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
