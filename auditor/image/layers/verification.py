"""Layers against the digests that name them, and the errors that say which layer is at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.errors import ImageError

if TYPE_CHECKING:
    from auditor.image.layers.layer_index import LayerIndex


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

    One that another algorithm was used for says nothing.
    """
    algorithm = diff_id.partition(":")[0]
    if index.diff_id.startswith(f"{algorithm}:") and index.diff_id != diff_id:
        raise ImageError(
            f"layer {index.digest} unpacks to {index.diff_id}, the configuration says {diff_id}",
            "the image was altered or damaged, and no engine unpacks it; save or pull it again",
        )
