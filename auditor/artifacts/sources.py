"""Who may be asked for locked artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.model import Artifact


@dataclass(frozen=True, slots=True)
class ArtifactSources:
    """Who may be asked for artifacts, in this order after the lock's own `path`."""

    wheelhouses: tuple[Path, ...] = ()
    """Folders that hold artifacts by file name."""
    pip_cache: Path | None = None
    mirrors: tuple[tuple[str, str], ...] = ()
    """Beginnings of URLs, and what stands in their place."""
    index_urls: tuple[str, ...] = ()
    """Indexes (simple repository API) that are asked before the lock's own."""
    offline: bool = False
    """Ask no server."""
    indexed: bool = False
    """Believe what a wheel says of its members' hashes, and do not read the whole of it."""

    @property
    def named_urls(self) -> tuple[str, ...]:
        """The URLs that options name."""
        return (*self.index_urls, *(replacement for _, replacement in self.mirrors))

    def mirrored(self, url: str) -> str:
        """Return a URL with its beginning replaced as the first fitting mirror says."""
        for beginning, replacement in self.mirrors:
            if url.startswith(beginning):
                return replacement + url[len(beginning) :]
        return url

    def indexes(self, artifact: Artifact) -> list[str]:
        """Return the indexes to ask for an artifact, mirrors in their place."""
        if self.offline:
            return []
        named = [*self.index_urls, *([artifact.index] if artifact.index else [])]
        return list(dict.fromkeys(map(self.mirrored, named)))
