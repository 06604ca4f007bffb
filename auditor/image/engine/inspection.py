"""What a container engine says of an image or a container, without their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from docker.errors import NotFound

from auditor.errors import EngineError
from auditor.image.documents import image_config
from auditor.image.platforms import fits, parse_platform
from auditor.wording import one_line

if TYPE_CHECKING:
    from docker.api.client import APIClient

    from auditor.image.reference import Reference
    from auditor.model import Image, ImageConfig, Platform

Inspected = Mapping[str, Any]
"""What the engine answers about an image or a container (Engine API 1.41, `ImageInspect`)."""


def inspected_image(api: APIClient, name: str) -> Inspected:
    """Return what the engine says of an image; raises `EngineError` where it has none."""
    try:
        facts = inspect_image(api, name)
    except NotFound as error:
        raise EngineError(
            f"the container engine has no image {one_line(name)}",
            "see `docker images` for those it has; pull or build this one first",
        ) from error
    return facts


def inspect_image(api: APIClient, name: str) -> Inspected:
    """Return what the engine says of an image; raises docker's `NotFound` where it has none."""
    facts: Inspected = api.inspect_image(name)  # type: ignore[no-untyped-call]
    return facts


def config_of(facts: Inspected) -> ImageConfig:
    """Read an image's or a container's configuration, which the engine spells in capitals."""
    return image_config(
        {
            "os": facts.get("Os"),
            "architecture": facts.get("Architecture"),
            "variant": facts.get("Variant"),
            "config": facts.get("Config"),
        }
    )


def require_platform(reference: Reference, held: Platform, asked: str | None) -> None:
    """Raise `EngineError` where another platform is asked for than the engine holds."""
    wanted = parse_platform(asked)
    if wanted is not None and not fits(held, wanted):
        raise EngineError(
            f"{reference.text} is for {held}, not for {wanted}",
            f"pull it for that platform (`docker pull --platform {wanted} ...`), or leave "
            "--platform out",
        )


def is_image(image: Image, facts: Inspected) -> bool:
    """Return whether the image read is the one that the engine speaks of.

    Its id is the digest of the configuration, or of a manifest or index where images are kept
    by containerd; podman may convert a configuration while saving. The layers' DiffIDs, and
    how the image runs, are the same in all of them.
    """
    if facts["Id"] in (image.digest, image.manifest_digest):
        return True
    layers = (facts.get("RootFS") or {}).get("Layers") or []
    return [layer.digest for layer in image.layers] == layers and image.config == config_of(facts)


def manifest_digest_of(facts: Inspected, name: str) -> str | None:
    """Return the digest under which a registry has the image; None where it has none, or two."""
    by_repository: dict[str, set[str]] = {}
    for known in facts.get("RepoDigests") or ():
        repository, _, digest = known.partition("@")
        by_repository.setdefault(repository, set()).add(digest)
    everywhere: set[str] = set().union(*by_repository.values())
    tagged, _, asked = name.partition("@")
    if asked in everywhere:
        return asked
    directory, slash, last = tagged.rpartition("/")
    digests = by_repository.get(directory + slash + last.partition(":")[0], everywhere)
    return min(digests) if len(digests) == 1 else None
