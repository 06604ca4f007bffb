"""The part of an image that its base brought: the lowest layers, known by their DiffIDs alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from auditor.model import NotChecked
from auditor.units import plural

if TYPE_CHECKING:
    from auditor.model import Image

BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
"""Labels that name the base (OCI image specification, annotations)."""


@dataclass(frozen=True, slots=True)
class Base:
    """An image that others are built on."""

    reference: str
    diff_ids: tuple[str, ...]
    """Its layers, lowest first."""
    labelled: bool = False
    """Nobody but the image's own label calls it its base."""


def base_label(image: Image) -> str:
    """Return what the image's labels call its base: name and digest, both optional."""
    labels = image.config.labels
    return f"{labels.get(BASE_NAME, '')} {labels.get(BASE_DIGEST, '')}".strip()


def mark_base_layers(image: Image, base: Base | None) -> Image:
    """Return the image with the layers marked that the base brought.

    Where they are not all there, or the image names a base that could not be had,
    `not_checked` says so.
    """
    if base is None:
        why = _unread_base(image)
    else:
        pairs = zip(image.layers, base.diff_ids, strict=False)
        common = sum(1 for _ in takewhile(lambda pair: pair[0].digest == pair[1], pairs))
        layers = tuple(replace(layer, base=at < common) for at, layer in enumerate(image.layers))
        image = replace(image, layers=layers)
        complete = 0 < len(base.diff_ids) == common
        why = (
            ""
            if complete
            else (
                f"the image is not built on {base.reference} as it is now: {common} of its "
                f"{plural(len(base.diff_ids), 'layer')} in common"
            )
        )
    if not why:
        return image
    return replace(image, not_checked=(*image.not_checked, NotChecked("base image", why)))


def _unread_base(image: Image) -> str:
    """Say which base the image's labels name; empty where they name none."""
    label = base_label(image)
    if not label:
        return ""
    missing = ", which is not where the image is" if image.config.labels.get(BASE_DIGEST) else ""
    return f"the image names {label} as its base{missing}; give it with --base to tell its part"
