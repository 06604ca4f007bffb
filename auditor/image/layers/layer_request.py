"""Layers read and verified by the digests that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auditor.errors import ImageError
from auditor.image.codec.stream import DamagedError, counted
from auditor.image.layers.index_layer import Hashing, index_layer

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
