"""Images of an OCI layout that is a directory of this machine: `oci:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image.codec.stream import FileRange
from auditor.image.layout import oci
from auditor.image.layout.assemble import read_image
from auditor.image.layout.random_access_store import RandomAccessStore

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.image.layers.worker_pool import LayerWorkers
    from auditor.image.layout.blob_store import ImageQuery
    from auditor.image.read_options import ReadOptions
    from auditor.model import Image


def open_layout(path: Path, query: ImageQuery, reading: ReadOptions) -> Image:
    """Read an image of an OCI layout directory; raises `ImageError` or `UsageError`."""
    store = layout_store(path, query, reading.workers)
    try:
        return read_image(oci.resolve(store, query), store, query.reference, reading)
    except OSError as error:
        raise ImageError(f"{query.reference} cannot be read: {error.strerror}") from error


def layout_store(
    path: Path, query: ImageQuery, workers: LayerWorkers | None = None
) -> RandomAccessStore:
    """Return the files of an OCI layout directory; raises `ImageError` where there is none."""
    if not path.is_dir():
        raise ImageError(f"{query.reference}: there is no directory {path}", "check the path")

    def locate(name: str) -> FileRange | None:
        file = path / name
        return FileRange(str(file), 0, file.stat().st_size) if file.is_file() else None

    return RandomAccessStore(locate, workers)
