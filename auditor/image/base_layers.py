"""The part of an image that its base brought: the lowest layers, known by their DiffIDs alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from auditor.model import NotChecked
from auditor.wording import plural

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
    """Only the image's own label calls it its base."""


def base_label(image: Image) -> str:
    """Return what the image's labels call its base: name and digest, both optional."""
    labels = image.config.labels
    return f"{labels.get(BASE_NAME, '')} {labels.get(BASE_DIGEST, '')}".strip()


def mark_base_layers(image: Image, base: Base | None) -> Image:
    """Return the image with the layers marked that the base brought.

    Where they are not all there, or the image names a base that could not be had,
    `not_checked` says so.
    """
    why = ""
    if base is None:
        if label := base_label(image):
            has_digest = bool(image.config.labels.get(BASE_DIGEST))
            unread = ", which is not where the image is" * has_digest
            why = f"the image names {label} as its base{unread}; pass the base with --base"
    else:
        pairs = zip(image.layers, base.diff_ids, strict=False)
        common = sum(1 for _ in takewhile(lambda pair: pair[0].digest == pair[1], pairs))
        layers = tuple(replace(layer, base=at < common) for at, layer in enumerate(image.layers))
        image = replace(image, layers=layers)
        if not 0 < len(base.diff_ids) == common:
            why = (
                f"the image is not built on {base.reference} as it is now: {common} of its "
                f"{plural(len(base.diff_ids), 'layer')} in common"
            )
    left = (NotChecked("base image", why),) if why else ()
    return replace(image, not_checked=(*image.not_checked, *left))
