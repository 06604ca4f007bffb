"""A run of bytes in a file of the host, and what is asked of a layer that lies there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from auditor.errors import ImageError
from auditor.image.codec.stream import DamagedError, file_chunks
from auditor.image.layers.index_layer import index_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auditor.image.codec.stream import Buffer
    from auditor.image.layers.layer_index import Budget, LayerIndex


class Span(NamedTuple):
    """`size` bytes of the file `path`, from `offset`. Small, so that processes can share it."""

    path: str
    offset: int
    size: int

    @contextmanager
    def open(self, skip: int = 0) -> Iterator[BinaryIO]:
        """Open the file, `skip` bytes into the span."""
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.offset + skip)
            yield file


class LayerRequest(NamedTuple):
    """One layer to be indexed."""

    span: Span
    digest: str
    by_diff_id: bool
    inner: str | None = None
    """As for `index_layer`."""


def index_request(request: LayerRequest, count: Callable[[int], None]) -> LayerIndex:
    """Index one layer and verify it; `count` is told the bytes as they are read.

    Raises `ImageError`, which names the layer's digest.
    """
    try:
        with request.span.open() as file:
            chunks = _counted(file_chunks(file, request.span.size), count)
            algorithm = request.digest.partition(":")[0]
            index = index_layer(
                chunks, algorithm=algorithm, by_diff_id=request.by_diff_id, inner=request.inner
            )
    except (DamagedError, OSError) as error:
        raise damaged(request.digest, error) from error
    verify(index, request.digest)
    return index


def damaged(digest: str, error: Exception) -> ImageError:
    """Return the error for a layer that cannot be read."""
    why = error.strerror if isinstance(error, OSError) else error
    return ImageError(
        f"layer {digest} {why}", "the image is damaged or incomplete; save or pull it again"
    )


def admit(index: LayerIndex, digest: str, budget: Budget) -> None:
    """Count an index in; raises `ImageError` naming the layer that is too much."""
    try:
        budget.admit(index)
    except DamagedError as error:
        raise damaged(digest, error) from error


def verify(index: LayerIndex, digest: str) -> None:
    """Compare the bytes read with what they were addressed by; raises `ImageError`."""
    if digest not in {index.digest, index.diff_id}:
        raise ImageError(
            f"layer {digest} has other bytes: they give {index.digest}",
            "the image was altered or damaged; save or pull it again",
        )


def _counted(chunks: Iterator[Buffer], count: Callable[[int], None]) -> Iterator[Buffer]:
    for chunk in chunks:
        count(len(chunk))
        yield chunk
