"""What one artifact may still unpack to, and which names its members may have."""

from __future__ import annotations

from auditor.artifacts import archive_limits
from auditor.artifacts.manifest import ArtifactError
from auditor.wording import human_bytes, plural


class Budget:
    """Counts members and their bytes; raises `ArtifactError` where there are too many."""

    def __init__(self, packed: int) -> None:
        """Judge an archive of `packed` bytes."""
        self._members = 0
        self._bytes = 0
        self._most = min(
            archive_limits.UNPACKED_BYTES,
            max(archive_limits.UNSUSPICIOUS, packed * archive_limits.RATIO),
        )

    def member(self) -> None:
        """Count one member."""
        self._members += 1
        if self._members > archive_limits.MEMBERS:
            raise ArtifactError.limit(
                f"it has more than {plural(archive_limits.MEMBERS, 'member')}"
            )

    def unpacked(self, size: int) -> None:
        """Count unpacked bytes."""
        self._bytes += size
        if self._bytes > self._most:
            raise ArtifactError.limit(f"it unpacks to more than {human_bytes(self._most)}")


def checked_name(name: str) -> str:
    """Return the name of a member; raises `ArtifactError` where it is no plain relative path.

    A name that leads elsewhere, or that two readers take for two different paths, has no place
    in an artifact that somebody installs.
    """
    parts = name.split("/")
    if "\0" in name or "\\" in name or ".." in parts or "" in parts or "." in parts:
        raise ArtifactError.unreadable(f"a member's name is no plain relative path: {name[:80]!a}")
    return name
