"""The one image that a reference means, before its layers are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.image.layout.blob_store import LayerDescriptor
    from auditor.model import Platform


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """An image's configuration, and where its layers are."""

    configuration: Mapping[str, Any]
    digest: str
    """Of the configuration."""
    manifest_digest: str | None
    layers: Sequence[LayerDescriptor]
    other_platforms: tuple[Platform, ...] = ()
    """What the reference leads to for other platforms."""
