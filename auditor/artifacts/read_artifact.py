"""A locked artifact's bytes, once they are verified, as a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.manifest import kind_of
from auditor.artifacts.sdist import read_sdist
from auditor.artifacts.wheel import read_wheel
from auditor.model import ArtifactKind

if TYPE_CHECKING:
    from typing import BinaryIO

    from auditor.artifacts.manifest import Manifest


def read_artifact(file: BinaryIO, filename: str, sha256: str) -> Manifest:
    """Read a wheel, an sdist or an archive, told apart by the name; raises `ArtifactError`."""
    read = read_wheel if kind_of(filename) is ArtifactKind.WHEEL else read_sdist
    return read(file, filename, sha256)
