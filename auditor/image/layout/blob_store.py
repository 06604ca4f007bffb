"""Where an image's documents and layers are: files by name, wherever the bytes are.

An OCI layout directory, an archive that can be read by offset and one that comes in a stream
differ only here. Names are those of the layout: `index.json`, `blobs/sha256/<hex>`,
`<id>/layer.tar`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from auditor.image.codec.tar import absolute_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layers.layer_tree import Opener
    from auditor.model import Platform
    from auditor.progress import Progress

REPULL_HINT = "the image is damaged or incomplete; save or pull it again"

_BLOB = re.compile(r"blobs/(sha256|sha384|sha512)/([0-9a-f]+)")


def member_name(name: str) -> str:
    """Return a name in its plain form, without `./`; empty where it leads out of the layout."""
    return (absolute_path(name) or "/")[1:]


def blob_name(digest: str) -> str:
    """Return where a layout keeps a blob."""
    return "blobs/" + digest.replace(":", "/")


def blob_digest(name: str) -> str | None:
    """Return the digest that a blob's name states; None for other names."""
    match = _BLOB.fullmatch(name)
    return f"{match[1]}:{match[2]}" if match else None


class ImageQuery(NamedTuple):
    """Which of the images in an archive or layout is meant."""

    reference: str
    """For messages, as the user gave it."""
    tag: str | None = None
    platform: str | None = None


class LayerDescriptor(NamedTuple):
    """Where a layer is, and how its bytes are verified."""

    name: str
    """In the layout."""
    digest: str
    """What the bytes must have, by the algorithm it names."""
    by_diff_id: bool
    """The digest is that of the uncompressed bytes."""
    hint: str = REPULL_HINT
    """The way out where it is not there."""
    diff_id_algorithm: str | None = None
    """The algorithm by which the unpacked bytes are hashed too, where the layer is packed."""


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """The one image that a reference means: its configuration, and where its layers are."""

    configuration: Mapping[str, Any]
    digest: str
    """Of the configuration."""
    manifest_digest: str | None
    layers: Sequence[LayerDescriptor]
    other_platforms: tuple[Platform, ...] = ()
    """What the reference leads to for other platforms."""


class Store(Protocol):
    """The files of a layout."""

    def document(self, name: str) -> bytes | None:
        """Return the content of a JSON document, None where there is none of that name."""

    def layers(
        self, descriptors: Sequence[LayerDescriptor], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Index layers, verified; raises `ImageError` naming the one that cannot be read."""

    def opener(self, layer: LayerDescriptor) -> Opener | None:
        """Return what reads a layer's bytes later; raises `ImageError` where there are none."""
