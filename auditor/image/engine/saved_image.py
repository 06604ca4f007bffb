"""An image that a container engine holds: Docker's, or podman's at the same API.

The bytes come as one stream, `docker save` without the client; nothing is written to disk here.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from auditor.errors import EngineError
from auditor.image.engine.connection import connected
from auditor.image.engine.engine_stream import CHUNK, EngineStream, read_stream
from auditor.image.engine.inspection import (
    config_of,
    inspected_image,
    is_image,
    manifest_digest_of,
    require_platform,
)
from auditor.image.layout.archive import layer_openers, read_archive_stream
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.cached_image import cached_image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.image.engine.inspection import Inspected
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.read_options import ReadOptions
    from auditor.image.reference import Reference
    from auditor.model import Image


def open_saved_image(reference: Reference, platform: str | None, options: ReadOptions) -> Image:
    """Read an image (`docker:`) out of the engine.

    Raises `EngineError` where no engine answers, it has no such image, holds it for another
    platform than asked for, or stops halfway; `ImageError` where the bytes are no image.
    """
    with connected() as api:
        facts = inspected_image(api, reference.value)
    config = config_of(facts)
    # A store that keeps several platforms of one image (containerd's, which alone gives a
    # descriptor) may hold the one asked for although it shows another first.
    multi_platform = "Descriptor" in facts
    if not multi_platform:
        require_platform(reference, config.platform, platform)
    # By its digest, not by the name: a tag may move between two requests.
    opener = partial(EngineStream, lambda api: api.get_image(facts["Id"], chunk_size=CHUNK))
    default = str(config.platform) if multi_platform else None
    query = ImageQuery(reference.text, None, platform or default)
    image = _known_image(facts, query, opener, options) or _read(facts, query, opener, options)
    if not (is_image(image, facts) or (platform and multi_platform)):
        raise EngineError(
            f"the container engine saved another image than {facts['Id']}",
            "its store may be damaged; pull or build the image again",
        )
    # Which others an engine saves along is the store's choice, not the reference's.
    return replace(
        image, manifest_digest=manifest_digest_of(facts, reference.value), other_platforms=()
    )


def _read(
    facts: Inspected, query: ImageQuery, opener: Callable[[], EngineStream], options: ReadOptions
) -> Image:
    """Read the whole image, and remember which configuration it has."""
    image = read_stream(opener, lambda stream: read_archive_stream(stream, query, opener, options))
    if options.cache is not None and image.digest is not None:
        options.cache.keep_document(_key(facts, query), image.digest.encode())
    return image


def _key(facts: Inspected, query: ImageQuery) -> str:
    return f"{facts['Id']} {query.platform}"


def _known_image(
    facts: Inspected, query: ImageQuery, opener: Callable[[], EngineStream], options: ReadOptions
) -> Image | None:
    """Return the image where each of its layers was read and verified before; else None.

    That these are its layers is the engine's statement, as the bytes that it saves are.
    """
    cache = options.cache
    digest = cache.document(_key(facts, query)) if cache and not options.verify else None
    if cache is None or digest is None:
        return None

    def find() -> Sequence[Opener]:
        with closing(opener()) as stream:
            return layer_openers(stream, query, opener)

    image = cached_image(cache, digest.decode(), query.reference, find)
    return image if image is not None and is_image(image, facts) else None
