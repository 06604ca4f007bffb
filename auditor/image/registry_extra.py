"""Registries, as far as what reads them is installed: it comes with an extra."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.image.read_options import ReadOptions
    from auditor.image.reference import Access, Reference
    from auditor.model import Image


def open_from_registry(
    reference: Reference, platform: str | None, access: Access, options: ReadOptions
) -> Image:
    """Read an image out of a registry; raises `UsageError` where a package for it is missing."""
    with _installed(reference):
        from auditor.image.registry import open_registry_image  # noqa: PLC0415 -- an extra
    return open_registry_image(reference, platform, access, options)


def layers_in_registry(
    reference: Reference, platform: str | None, access: Access
) -> tuple[str, ...]:
    """Return the DiffIDs of an image in a registry; raises as `open_from_registry` does."""
    with _installed(reference):
        from auditor.image.registry import registry_layers  # noqa: PLC0415 -- an extra
    return registry_layers(reference, platform, access)


@contextmanager
def _installed(reference: Reference) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("auditor"):
            raise
        raise UsageError(
            f"{reference.text}: reading a registry needs {error.name}, which is not installed",
            'pip install "pylock-auditor[registry]"',
        ) from error
