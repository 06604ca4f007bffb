"""Images and containers of a container engine: Docker's, or podman's at the same API.

The bytes come as one stream, `docker save` or `docker export` without the client; nothing is
written to disk here.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from docker.errors import NotFound

from auditor.errors import EngineError
from auditor.image.documents import normalised_platform, texts
from auditor.image.engine.connection import connected
from auditor.image.engine.container_config import Command, RunLimits
from auditor.image.engine.container_run import Completed, run_container
from auditor.image.engine.inspection import (
    config_of,
    inspect_image,
    inspected_image,
    is_image,
    manifest_digest_of,
    require_platform,
)
from auditor.image.engine.save_stream import Answer, read_answer
from auditor.image.layout.archive import layer_openers, read_archive_stream, read_export_stream
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.cached_image import cached_image
from auditor.image.reference import Transport
from auditor.model import Image, NotChecked
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from docker.api.client import APIClient

    from auditor.image.engine.inspection import Inspected
    from auditor.image.engine.save_stream import Chunks
    from auditor.image.layers.layer_tree import Opener
    from auditor.image.read_options import ReadOptions
    from auditor.image.reference import Reference
    from auditor.model import Platform
    from auditor.progress import Progress

__all__ = ["Completed", "RunLimits", "open_engine_image", "run_in_image"]

_CHUNK = 1 << 20
"""Bytes asked for at once; an engine gives 32 KiB."""


def open_engine_image(reference: Reference, platform: str | None, reading: ReadOptions) -> Image:
    """Read an image (`docker:`) or a container (`container:`) out of the engine.

    Raises `EngineError` where no engine answers, it has no such thing, holds it for another
    platform than asked for, or breaks off; `ImageError` where the bytes are no image.
    """
    if reference.transport is Transport.CONTAINER:
        return _open_container(reference, platform, reading.progress)
    return _open_image(reference, platform, reading)


def image_layers(reference: Reference) -> tuple[str, ...]:
    """Return the DiffIDs of an image that the engine holds, without reading it.

    Raises `EngineError` where no engine answers or it has no such image.
    """
    with connected() as api:
        return _layers(inspected_image(api, reference.value))


def layers_by_digest(digest: str) -> tuple[str, ...]:
    """Return the DiffIDs of the image that has this digest in a registry, or in the engine.

    Raises `EngineError` where no engine answers or it has no such image.
    """
    with connected() as api:
        for held in api.images():
            names = (f"@{held['Id']}", *(held.get("RepoDigests") or ()))
            if any(name.endswith(f"@{digest}") for name in names):
                return _layers(inspected_image(api, held["Id"]))
    raise EngineError(f"the container engine has no image {digest}", "pull it first")


def _layers(facts: Inspected) -> tuple[str, ...]:
    return texts((facts.get("RootFS") or {}).get("Layers"))


def run_in_image(  # noqa: PLR0913 - all but two have a default
    reference: Reference,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    user: str = "",
    limits: RunLimits | None = None,
    image: Image | None = None,
) -> Completed:
    """Run one command in a locked-down container of an image that the engine holds.

    `env` adds to the image's own variables, of which PIP_* and AUDITOR_* are taken away; an
    empty `user` is the image's own. `image` is the one whose bytes were read: if the reference
    has moved on to another since, nothing is run. Nothing is raised: a command that could not
    run says so in `failure`.
    """
    try:
        with connected() as api:
            facts = inspected_image(api, reference.value)
            if image is not None and not is_image(image, facts):
                return Completed(None, b"", b"", "the tag has moved to another image meanwhile")
            return run_container(api, facts, Command(argv, env, user), limits or RunLimits())
    except EngineError as error:
        return Completed(None, b"", b"", error.message)


# ------------------------------------------------------------------------------- images


def _open_image(reference: Reference, platform: str | None, reading: ReadOptions) -> Image:
    with connected() as api:
        facts = inspected_image(api, reference.value)
    config = config_of(facts)
    # A store that keeps several platforms of one image (containerd's, which alone gives a
    # descriptor) may hold the one asked for although it shows another first.
    several = "Descriptor" in facts
    if not several:
        require_platform(reference, config.platform, platform)
    # By its digest, not by the name: a tag may move between two requests.
    opener = partial(Answer, partial(_save, facts["Id"]))
    asked = platform or (str(config.platform) if several else None)
    wanted = ImageQuery(reference.text, None, asked)
    image = _remembered(facts, wanted, opener, reading)
    if image is None:
        image = read_answer(
            opener,
            partial(
                read_archive_stream,
                reference=reference.text,
                platform=asked,
                reading=reading,
                reopen=opener,
            ),
        )
        if reading.cache is not None and image.digest is not None:
            reading.cache.keep_document(_key(facts, wanted), image.digest.encode())
    if not (is_image(image, facts) or (platform and several)):
        raise EngineError(
            f"the container engine saved another image than {facts['Id']}",
            "its store may be damaged; pull or build the image again",
        )
    # What else an engine saves along is the store's choice, not the reference's.
    return replace(
        image, manifest_digest=manifest_digest_of(facts, reference.value), other_platforms=()
    )


def _key(facts: Inspected, wanted: ImageQuery) -> str:
    return f"{facts['Id']} {wanted.platform}"


def _remembered(
    facts: Inspected, wanted: ImageQuery, opener: Callable[[], Answer], reading: ReadOptions
) -> Image | None:
    """Return the image where each of its layers was read and verified before; else None.

    The engine's word that these are its layers is as good as the bytes it would give.
    """
    cache = reading.cache
    digest = cache.document(_key(facts, wanted)) if cache and not reading.verify else None
    if cache is None or digest is None:
        return None

    def find() -> Sequence[Opener | None]:
        with closing(opener()) as answer:
            return layer_openers(answer, wanted, opener)

    image = cached_image(cache, digest.decode(), wanted.reference, find)
    return image if image is not None and is_image(image, facts) else None


def _save(image_id: str, api: APIClient) -> Chunks:
    chunks: Chunks = api.get_image(image_id, chunk_size=_CHUNK)
    return chunks


# ----------------------------------------------------------------------------- containers


def _open_container(reference: Reference, platform: str | None, progress: Progress | None) -> Image:
    name = reference.value
    with connected() as api:
        try:
            facts: Inspected = api.inspect_container(name)
        except NotFound as error:
            raise EngineError(
                f"the container engine has no container {one_line(name)}",
                "see `docker ps --all` for those it has",
            ) from error
        held = _container_platform(api, facts)
    config = replace(config_of(facts), platform=held)
    require_platform(reference, held, platform)
    opener = partial(Answer, partial(_export, facts["Id"]))
    image = read_answer(
        opener,
        partial(
            read_export_stream,
            reference=reference.text,
            config=config,
            progress=progress,
            reopen=opener,
        ),
    )
    return replace(image, not_checked=(*image.not_checked, *_beyond(facts)))


def _container_platform(api: APIClient, facts: Inspected) -> Platform:
    """Return the platform of a container's image, or the engine's own where that is gone."""
    try:
        return config_of(inspect_image(api, facts["Image"])).platform
    except NotFound:
        version = api.version()
        return normalised_platform(version.get("Os", ""), version.get("Arch", ""))


def _export(container_id: str, api: APIClient) -> Chunks:
    chunks: Chunks = api.export(container_id, chunk_size=_CHUNK)
    return chunks


def _beyond(facts: Inspected) -> Iterator[NotChecked]:
    """Name what a container's exported files do not tell."""
    yield NotChecked("image digest", f"a container may differ from its image, {facts['Image']}")
    mounts = sorted(str(mount.get("Destination")) for mount in facts.get("Mounts") or ())
    if mounts:
        yield NotChecked("mounts", f"an export leaves them out: {one_line(', '.join(mounts))}")
