"""The one way in: from what the user calls an image to an `Image` whose bytes can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image.layout.archive import open_archive
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.directories import open_directory, open_environment
from auditor.image.layout.oci import open_layout
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Access, Transport, parse_reference, split_tag

if TYPE_CHECKING:
    from auditor.image.reference import Reference
    from auditor.model import Image


def open_image(
    reference: str | Reference,
    platform: str | None = None,
    access: Access = Access(),  # noqa: B008 - a tuple, nothing can change it
    options: ReadOptions = ReadOptions(),  # noqa: B008 - see above
) -> Image:
    """Read an image.

    `reference` may be text (`docker:NAME`, `oci:DIR[:TAG]`, a path, ...), `platform` is
    `os/architecture[/variant]`, and `access` says how a registry may be reached.
    Raises `UsageError` where it names no single image, `ImageError` where its bytes cannot be
    had or are not those it names, `EngineError` where the container engine refuses.
    """
    if isinstance(reference, str):
        reference = parse_reference(reference)
    query = ImageQuery(reference.text, None, platform)
    match reference.transport:
        case Transport.DOCKER:
            from auditor.image.engine.saved_image import open_saved_image  # noqa: PLC0415 -- slow

            return open_saved_image(reference, platform, options)
        case Transport.CONTAINER:
            from auditor.image.engine.exported_container import open_container  # noqa: PLC0415 -- slow

            return open_container(reference, platform, options)
        case Transport.REGISTRY:
            from auditor.image.registry import open_registry_image  # noqa: PLC0415 -- slow

            return open_registry_image(reference, platform, access, options)
        case Transport.OCI:
            path, tag = split_tag(reference.value)
            return open_layout(path, query._replace(tag=tag), options)
        case Transport.DOCKER_ARCHIVE | Transport.OCI_ARCHIVE:
            path, tag = split_tag(reference.value)
            if not path.is_file():
                raise ImageError(f"{reference.text}: there is no file {path}", "check the path")
            return open_archive(path, query._replace(tag=tag), options)
        case Transport.DIR | Transport.ENV:
            in_place = open_directory if reference.transport is Transport.DIR else open_environment
            return in_place(Path(reference.value), query)
