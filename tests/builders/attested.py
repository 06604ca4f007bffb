"""Published artifacts and their provenance: the verifier's own source brings some along."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

SDIST = "pypi_attestations-0.0.19.tar.gz"
WHEEL = "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"

_ASSETS = "pypi_attestations-0.0.30/test/assets"


class Published(NamedTuple):
    """An artifact, and what its index said of who attested it."""

    filename: str
    content: bytes
    provenance: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def published(name: str, folder: Path) -> Published:
    """Fetch one of them from the configured package index, by way of an empty folder."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", folder, "pypi-attestations==0.0.30"], check=True, timeout=300)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        content, provenance = (
            (archive.extractfile(f"{_ASSETS}/{each}") or io.BytesIO()).read()
            for each in (name, f"{name}.provenance")
        )
    return Published(name, content, provenance)
