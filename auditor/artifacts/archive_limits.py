"""How much of an artifact is read before it is taken for an attack.

Each is far above what real ones have (largest wheels: some 4 GB, 30,000 members).
"""

from __future__ import annotations

from auditor.artifacts.manifest import ArtifactError
from auditor.wording import human_bytes, plural

ARTIFACT_BYTES = 32 << 30
MEMBERS = 500_000
"""Members of one artifact, folders and links included."""

UNPACKED_BYTES = 64 << 30
"""Bytes of all members of one artifact together."""

RATIO = 100
"""Times that an artifact may grow, unpacked, once it has more than `UNSUSPICIOUS` bytes."""

UNSUSPICIOUS = 1 << 30
"""Unpacked bytes that any artifact may have."""

DIRECTORY_BYTES = 256 << 20
"""Bytes of the central directory of a wheel."""

METADATA_BYTES = 32 << 20
"""Bytes of the metadata files of one wheel that are read, together; the largest have 4 MB."""

WHEEL_BYTES = 64 << 10
"""Bytes of a WHEEL file; real ones have some hundreds."""

NAME_BYTES = 4096
"""Bytes of one member's name: the longest path that Linux takes."""

TAR_READ = 1 << 20
"""Bytes of one extended header of a tar archive."""

TAR_GLOBALS = 64
"""Keywords that extended headers of a tar archive may set for all members that follow: each of
these goes through all of them. Real ones have one, `comment`."""

LZMA_MEMORY = 256 << 20
"""Bytes of memory that unpacking an xz archive may take."""

PROVENANCE_BYTES = 4 << 20
"""Bytes of the document that says who attested an artifact."""

ATTESTATIONS = 64
"""Attestations of one artifact that are looked at."""


class Budget:
    """Counts members and their bytes; raises `ArtifactError` where there are too many."""

    def __init__(self, packed: int) -> None:
        """Judge an archive of `packed` bytes."""
        self._members = 0
        self._bytes = 0
        self._most = min(
            UNPACKED_BYTES,
            max(UNSUSPICIOUS, packed * RATIO),
        )

    def member(self) -> None:
        """Count one member."""
        self._members += 1
        if self._members > MEMBERS:
            raise ArtifactError.limit(f"it has more than {plural(MEMBERS, 'member')}")

    def unpacked(self, size: int) -> None:
        """Count unpacked bytes."""
        self._bytes += size
        if self._bytes > self._most:
            raise ArtifactError.limit(f"it unpacks to more than {human_bytes(self._most)}")
