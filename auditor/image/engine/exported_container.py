"""The files of a container, changes included: `docker export` without the client."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from docker.errors import NotFound

from auditor.errors import EngineError
from auditor.image.documents import normalised_platform
from auditor.image.engine.connection import connected
from auditor.image.engine.engine_stream import CHUNK, EngineStream, read_stream
from auditor.image.engine.inspection import config_of, inspected_image, require_platform
from auditor.image.layout.archive import read_export_stream
from auditor.model import NotChecked
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.api.client import APIClient

    from auditor.image.engine.inspection import Inspected
    from auditor.image.read_options import ReadOptions
    from auditor.image.reference import Reference
    from auditor.model import Image, Platform


def open_container(reference: Reference, platform: str | None, options: ReadOptions) -> Image:
    """Read a container (`container:`) out of the engine.

    Raises `EngineError` where no engine answers, it has no such container, has it for another
    platform than asked for, or stops halfway; `ImageError` where the bytes are no files.
    """
    with connected() as api:
        try:
            facts: Inspected = api.inspect_container(reference.value)
        except NotFound as error:
            raise EngineError(
                f"the container engine has no container {one_line(reference.value)}",
                "see `docker ps --all` for those it has",
            ) from error
        held = _platform(api, facts)
    require_platform(reference, held, platform)
    opener = partial(EngineStream, lambda api: api.export(facts["Id"], chunk_size=CHUNK))
    config = replace(config_of(facts), platform=held)
    image = read_stream(
        opener,
        lambda stream: read_export_stream(stream, reference.text, config, opener, options.progress),
    )
    return replace(image, not_checked=(*image.not_checked, *_not_exported(facts)))


def _platform(api: APIClient, facts: Inspected) -> Platform:
    """Return the platform of a container's image, or the engine's own where that is gone."""
    try:
        return config_of(inspected_image(api, facts["Image"])).platform
    except EngineError:
        version = api.version()
        return normalised_platform(version.get("Os", ""), version.get("Arch", ""))


def _not_exported(facts: Inspected) -> Iterator[NotChecked]:
    yield NotChecked("image digest", f"a container may differ from its image, {facts['Image']}")
    mounts = sorted(str(mount.get("Destination")) for mount in facts.get("Mounts") or ())
    if mounts:
        yield NotChecked("mounts", f"an export leaves them out: {one_line(', '.join(mounts))}")
