"""An image that an engine holds, without its layers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.image.container_files import looked_into
from auditor.image.engine_client import connected
from auditor.image.engine_facts import config_of, manifest_digest_of
from auditor.image.interrupts import Interrupts
from auditor.model import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.image.engine_facts import Inspected
    from auditor.image.reference import Reference
    from auditor.model import Rootfs


def glanced(reference: Reference, facts: Inspected, rootfs: Rootfs) -> Image:
    """Give an image with these files, and what the engine says of it but the layers."""
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
    """Give the files of the inspected image, which the engine is asked for one by one."""
    with (
        connected() as api,
        Interrupts() as interrupts,
        looked_into(api, facts) as rootfs,
        interrupts.allowed(),
    ):
        yield rootfs
