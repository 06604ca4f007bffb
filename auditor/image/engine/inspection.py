"""What a container engine says of an image or a container, without their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from docker.errors import NotFound

from auditor.errors import EngineError
from auditor.image.documents import image_config, texts
from auditor.image.engine.connection import connected
from auditor.image.platforms import fits, parse_platform
from auditor.image.reference import repository_of
from auditor.model import Image
from auditor.wording import one_line

if TYPE_CHECKING:
    from docker.api.client import APIClient

    from auditor.image.reference import Reference
    from auditor.model import ImageConfig, Platform, Rootfs

Inspected = Mapping[str, Any]
"""What the engine answers about an image or a container (Engine API 1.41, `ImageInspect`)."""


def inspected_image(api: APIClient, name: str) -> Inspected:
    """Return what the engine says of an image; raises `EngineError` where it has none."""
    try:
        facts: Inspected = api.inspect_image(name)  # type: ignore[no-untyped-call]
    except NotFound as error:
        raise EngineError(
            f"the container engine has no image {one_line(name)}",
            "see `docker images` for those it has; pull or build this one first",
        ) from error
    return facts


def config_of(facts: Inspected) -> ImageConfig:
    """Read an image's or a container's configuration, which the engine spells in capitals."""
    names = ("os", "architecture", "variant", "config")
    return image_config({name: facts.get(name.capitalize()) for name in names})


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
    """Return whether the image that was read is the one that the engine inspected.

    Its id is the digest of the configuration, or of a manifest or index where images are kept
    by containerd; podman may convert a configuration while saving. The layers' DiffIDs, and
    how the image runs, are the same in all of them.
    """
    if facts["Id"] in (image.digest, image.manifest_digest):
        return True
    diff_ids = tuple(layer.digest for layer in image.layers)
    return diff_ids == _diff_ids(facts) and image.config == config_of(facts)


def image_layers(reference: Reference) -> tuple[str, ...]:
    """Return the DiffIDs of an image that the engine holds, without reading it.

    Raises `EngineError` where no engine answers or it has no such image.
    """
    with connected() as api:
        return _diff_ids(inspected_image(api, reference.value))


def layers_by_digest(digest: str) -> tuple[str, ...]:
    """Return the DiffIDs of the image that has this digest in a registry, or in the engine.

    Raises `EngineError` where no engine answers or it has no such image.
    """
    with connected() as api:
        for held in api.images():
            names = (f"@{held['Id']}", *(held.get("RepoDigests") or ()))
            if any(name.endswith(f"@{digest}") for name in names):
                return _diff_ids(inspected_image(api, held["Id"]))
    raise EngineError(f"the container engine has no image {digest}", "pull it first")


def _diff_ids(facts: Inspected) -> tuple[str, ...]:
    return texts((facts.get("RootFS") or {}).get("Layers"))


def image_without_layers(reference: Reference, facts: Inspected, rootfs: Rootfs) -> Image:
    """Return an image with these files, and what the engine says of it but the layers."""
    return Image(
        reference=reference.text,
        # Where containerd keeps images, an image's id is its manifest's digest.
        digest=None if "Descriptor" in facts else facts["Id"],
        manifest_digest=manifest_digest_of(facts, reference.value),
        config=config_of(facts),
        rootfs=rootfs,
    )


def manifest_digest_of(facts: Inspected, name: str) -> str | None:
    """Return the digest under which a registry has the image; None where it has none, or two."""
    by_repository: dict[str, set[str]] = {}
    for repo_digest in facts.get("RepoDigests") or ():
        repository, _, digest = repo_digest.partition("@")
        by_repository.setdefault(repository, set()).add(digest)
    all_digests: set[str] = set().union(*by_repository.values())
    named_digest = name.partition("@")[2]
    if named_digest in all_digests:
        return named_digest
    digests = by_repository.get(repository_of(name), all_digests)
    return min(digests) if len(digests) == 1 else None
