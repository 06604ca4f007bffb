"""The base image: named by the user, or by the image's own label.

Its layers are not read: their DiffIDs are enough. A label is followed by its digest alone, and to
no other place than the image itself came from, since it may say anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, UsageError
from auditor.image.base_layers import BASE_DIGEST, BASE_NAME, Base, base_label
from auditor.image.documents import diff_ids
from auditor.image.layout import oci
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Access, Transport, parse_reference, repository_of, split_tag

if TYPE_CHECKING:
    from auditor.image.reference import Reference
    from auditor.model import Image

_DIGEST_FORM = re.compile(r"sha256:[0-9a-f]{64}")


def read_base(
    reference: str,
    platform: str | None = None,
    access: Access = Access(),  # noqa: B008 - a tuple, nothing can change it
    options: ReadOptions = ReadOptions(),  # noqa: B008 - see above
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
            from auditor.image.engine.inspection import image_layers  # noqa: PLC0415

            return Base(reference, image_layers(parsed))
        case Transport.OCI:
            path, tag = split_tag(parsed.value)
            query = ImageQuery(reference, tag, platform)
            resolved = oci.resolve(oci.layout_store(path, query), query)
            return Base(reference, tuple(diff_ids(resolved.configuration, reference)))
        case Transport.REGISTRY:
            return Base(reference, _registry_layers(parsed, platform, access))
        case _:
            image = open_image(parsed, platform, access, options)
            return Base(reference, tuple(layer.digest for layer in image.layers))


def labelled_base(image: Image, access: Access = Access()) -> Base | None:  # noqa: B008 - a tuple
    """Return the base that the image's label names by its digest; None where it cannot be had.

    The engine that holds the image is asked, or the registry that it was read from.
    """
    digest = image.config.labels.get(BASE_DIGEST, "")
    if not _DIGEST_FORM.fullmatch(digest):
        return None
    try:
        layers = _layers_by_digest(image, digest, access)
    except AuditorError:
        return None
    return None if layers is None else Base(base_label(image), layers, labelled=True)


def _layers_by_digest(image: Image, digest: str, access: Access) -> tuple[str, ...] | None:
    """Return the base's DiffIDs; None where the image's place cannot have it."""
    reference = parse_reference(image.reference)
    if reference.transport is Transport.DOCKER:
        from auditor.image.engine.inspection import layers_by_digest  # noqa: PLC0415 -- see above

        return layers_by_digest(digest)
    repository = repository_of(image.config.labels.get(BASE_NAME, ""))
    host = reference.value.partition("/")[0]
    if reference.transport is Transport.REGISTRY and repository.startswith(f"{host}/"):
        base = parse_reference(f"{Transport.REGISTRY}:{repository}@{digest}")
        return _registry_layers(base, str(image.config.platform), access)
    return None


def _registry_layers(reference: Reference, platform: str | None, access: Access) -> tuple[str, ...]:
    from auditor.image.registry import registry_layers  # noqa: PLC0415 -- a tenth of a second

    return registry_layers(reference, platform, access)
