"""A layer that lies in a file of this machine, to be indexed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auditor.image.codec.stream import DamagedError, counted, file_chunks
from auditor.image.layers.index_layer import Hashing, index_layer
from auditor.image.layers.verification import layer_error, verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.image.layers.file_range import FileRange
    from auditor.image.layers.layer_index import LayerIndex


class LayerRequest(NamedTuple):
    """One layer to be indexed, and the digest that its bytes must have."""

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
        with request.place.open() as file:
            index = index_layer(counted(file_chunks(file, request.place.size), count), hashing)
    except (DamagedError, OSError) as error:
        raise layer_error(request.digest, error) from error
    verify_digest(index, request.digest)
    return index
