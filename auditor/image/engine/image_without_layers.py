"""An image that an engine holds, without its layers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.image.engine.connection import connected
from auditor.image.engine.container_files import container_filesystem
from auditor.image.engine.inspection import config_of, manifest_digest_of
from auditor.image.engine.interrupts import Interrupts
from auditor.model import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.image.engine.inspection import Inspected
    from auditor.image.reference import Reference
    from auditor.model import Rootfs


def image_without_layers(reference: Reference, facts: Inspected, rootfs: Rootfs) -> Image:
    """Return an image with these files, and what the engine says of it but the layers."""
    return Image(
        reference=reference.text,
        # Where containerd keeps images, an image's id is its manifest's digest.
        digest=None if "Descriptor" in facts else facts["Id"],
        manifest_digest=manifest_digest_of(facts, reference.value),
        config=config_of(facts),
        layers=(),
        rootfs=rootfs,
    )


@contextmanager
def single_files(facts: Inspected) -> Iterator[Rootfs]:
    """Return the files of the inspected image, which the engine is asked for one by one."""
    with (
        connected() as api,
        Interrupts() as interrupts,
        container_filesystem(api, facts) as rootfs,
        interrupts.allowed(),
    ):
        yield rootfs
