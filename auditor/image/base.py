"""The base image: which of an image's lowest layers it brought.

A base is known by its DiffIDs alone, so its layers are not read. Where nobody names one, the
image's own label is followed (OCI image specification, annotations), by its digest alone and to
no other place than the image itself came from: a label may say anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, UsageError
from auditor.image.documents import diff_ids
from auditor.image.layout import oci
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.oci_directory import layout_store
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Access, Transport, parse_reference, split_tag
from auditor.model import NotChecked
from auditor.wording import plural

if TYPE_CHECKING:
    from auditor.image.reference import Reference
    from auditor.model import Image

_NAME = "org.opencontainers.image.base.name"
_DIGEST = "org.opencontainers.image.base.digest"
_DIGEST_FORM = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Base:
    """An image that others are built on."""

    reference: str
    diff_ids: tuple[str, ...]
    """Its layers, lowest first."""
    labelled: bool = False
    """Nobody but the image's own label calls it its base."""


def read_base(
    reference: str,
    platform: str | None = None,
    access: Access | None = None,
    reading: ReadOptions = ReadOptions(),  # noqa: B008 - a tuple, nothing can change it
) -> Base:
    """Return the base image that `reference` names; the arguments are those of `open_image`.

    Raises `UsageError` for what has no layers, else what `open_image` raises.
    """
    parsed = parse_reference(reference)
    match parsed.transport:
        case Transport.DIR | Transport.ENV | Transport.CONTAINER:
            raise UsageError(
                f"--base {reference}: it has no layers to compare", "name an image as the base"
            )
        case Transport.DOCKER:
            # The engine's client takes a while to import, and archives need none of it.
            from auditor.image.engine.engine_image import image_layers  # noqa: PLC0415

            return Base(reference, image_layers(parsed))
        case Transport.OCI:
            path, tag = split_tag(parsed.value)
            wanted = ImageQuery(reference, tag, platform)
            chosen = oci.resolve(layout_store(path, wanted), wanted)
            return Base(reference, tuple(diff_ids(chosen.configuration, reference)))
        case Transport.REGISTRY:
            return Base(reference, _registry_layers(parsed, platform, access))
        case _:
            image = open_image(reference, platform=platform, access=access, reading=reading)
            return Base(reference, tuple(layer.digest for layer in image.layers))


def labelled_base(image: Image, access: Access | None = None) -> Base | None:
    """Return the base that the image's label names by its digest; None where it cannot be had.

    Asked are the engine that holds the image, or the registry that it was read from.
    """
    digest = image.config.labels.get(_DIGEST, "")
    if not _DIGEST_FORM.fullmatch(digest):
        return None
    reference = parse_reference(image.reference)
    name = image.config.labels.get(_NAME, "")
    try:
        if reference.transport is Transport.DOCKER:
            from auditor.image.engine.engine_image import layers_by_digest  # noqa: PLC0415 -- see `read_base`

            return Base(_shown(name, digest), layers_by_digest(digest), labelled=True)
        repository = _repository(name)
        host = reference.value.partition("/")[0]
        if reference.transport is Transport.REGISTRY and repository.startswith(f"{host}/"):
            parsed = parse_reference(f"{Transport.REGISTRY}:{repository}@{digest}")
            layers = _registry_layers(parsed, str(image.config.platform), access)
            return Base(_shown(name, digest), layers, labelled=True)
    except AuditorError:
        return None
    return None


def _shown(name: str, digest: str) -> str:
    return f"{name} {digest}".strip()


def _repository(name: str) -> str:
    """Return a name without its tag and digest."""
    path, slash, last = name.partition("@")[0].rpartition("/")
    return path + slash + last.partition(":")[0]


def _registry_layers(
    reference: Reference, platform: str | None, access: Access | None
) -> tuple[str, ...]:
    from auditor.image.registry import registry_layers  # noqa: PLC0415 -- a tenth of a second

    return registry_layers(reference, platform, access or Access())


def mark_base_layers(image: Image, base: Base | None) -> Image:
    """Return the image with the layers marked that the base brought.

    Where they are not all there, or the image names a base that could not be had,
    `not_checked` says so.
    """
    if base is None:
        labels = image.config.labels
        named = _shown(labels.get(_NAME, ""), labels.get(_DIGEST, ""))
        missing = ", which is not where the image is" if labels.get(_DIGEST) else ""
        why = f"the image names {named} as its base{missing}; give it with --base to tell its part"
        return _with(image, NotChecked("base image", why)) if named else image
    pairs = zip(image.layers, base.diff_ids, strict=False)
    common = sum(1 for _ in takewhile(lambda pair: pair[0].digest == pair[1], pairs))
    layers = tuple(replace(layer, base=at < common) for at, layer in enumerate(image.layers))
    image = replace(image, layers=layers)
    if common < len(base.diff_ids) or not base.diff_ids:
        why = (
            f"the image is not built on {base.reference} as it is now: {common} of its "
            f"{plural(len(base.diff_ids), 'layer')} in common"
        )
        return _with(image, NotChecked("base image", why))
    return image


def _with(image: Image, left: NotChecked) -> Image:
    return replace(image, not_checked=(*image.not_checked, left))
