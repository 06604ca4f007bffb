"""The base image: which of an image's lowest layers it brought.

A base is known by its DiffIDs alone, so its layers are not read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.image import oci
from auditor.image.directory import layout_store
from auditor.image.documents import diff_ids
from auditor.image.open import open_image
from auditor.image.reading import Reading
from auditor.image.reference import Access, Transport, parse_reference, split_tag
from auditor.image.store import Wanted
from auditor.model import NotChecked
from auditor.units import plural

if TYPE_CHECKING:
    from auditor.model import Image

_LABELS = ("org.opencontainers.image.base.name", "org.opencontainers.image.base.digest")


@dataclass(frozen=True, slots=True)
class Base:
    """An image that others are built on."""

    reference: str
    """As the user gave it."""
    diff_ids: tuple[str, ...]
    """Its layers, lowest first."""


def read_base(
    reference: str,
    platform: str | None = None,
    access: Access | None = None,
    reading: Reading = Reading(),  # noqa: B008 - a tuple, nothing can change it
) -> Base:
    """Give the base image that `reference` names; the arguments are those of `open_image`.

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
            from auditor.image.engine import image_layers  # noqa: PLC0415

            return Base(reference, image_layers(parsed))
        case Transport.OCI:
            path, tag = split_tag(parsed.value)
            wanted = Wanted(reference, tag, platform)
            chosen = oci.choose(layout_store(path, wanted), wanted)
            return Base(reference, tuple(diff_ids(chosen.configuration, reference)))
        case _:
            image = open_image(reference, platform=platform, access=access, reading=reading)
            return Base(reference, tuple(layer.digest for layer in image.layers))


def attributed(image: Image, base: Base | None) -> Image:
    """Give the image with the layers marked that the base brought.

    Where they are not all there, or the image names a base that nobody looked up, `not_checked`
    says so.
    """
    if base is None:
        named = " ".join(image.config.labels[key] for key in _LABELS if key in image.config.labels)
        why = f"the image names {named} as its base; give it with --base to tell its part"
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
