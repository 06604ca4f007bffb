"""The one way in: from what the user calls an image to an `Image` whose bytes can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image.layout.archive import open_archive
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.live_environment import open_environment
from auditor.image.layout.oci_directory import open_layout
from auditor.image.layout.root_directory import open_directory
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Access, Transport, parse_reference, split_tag

if TYPE_CHECKING:
    from auditor.model import Image


def open_image(
    reference: str,
    *,
    platform: str | None = None,
    access: Access | None = None,
    reading: ReadOptions = ReadOptions(),  # noqa: B008 - a tuple, nothing can change it
) -> Image:
    """Read an image.

    `reference` is what the command line takes (`docker:NAME`, `oci:DIR[:TAG]`, a path, ...);
    `platform` is `os/architecture[/variant]`, `access` how a registry may be reached, `reading`
    who is told and what need not be read again.
    Raises `UsageError` where it names no single image, `ImageError` where its bytes cannot be
    had or are not those it names, `EngineError` where the container engine refuses.
    """
    parsed = parse_reference(reference)
    match parsed.transport:
        case Transport.DOCKER | Transport.CONTAINER:
            # The engine's client takes a while to import, and archives need none of it.
            from auditor.image.engine.engine_image import open_engine_image  # noqa: PLC0415

            return open_engine_image(parsed, platform, reading)
        case Transport.REGISTRY:
            from auditor.image.registry import open_registry_image  # noqa: PLC0415 -- as above

            return open_registry_image(parsed, platform, access or Access(), reading)
        case Transport.OCI:
            path, tag = split_tag(parsed.value)
            return open_layout(path, ImageQuery(reference, tag, platform), reading)
        case Transport.DOCKER_ARCHIVE | Transport.OCI_ARCHIVE:
            path, tag = split_tag(parsed.value)
            if not path.is_file():
                raise ImageError(f"{reference}: there is no file {path}", "check the path")
            return open_archive(path, ImageQuery(reference, tag, platform), reading)
        case Transport.DIR:
            return open_directory(Path(parsed.value), ImageQuery(reference, None, platform))
        case Transport.ENV:
            return open_environment(Path(parsed.value), ImageQuery(reference, None, platform))
