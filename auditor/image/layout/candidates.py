"""Which of several images a tag and a platform mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auditor.errors import ImageError, UsageError
from auditor.image.platforms import fits, host_platform, parse_platform
from auditor.model import Platform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.image.layout.blob_store import ImageQuery

_DIGESTS = ("sha256:", "sha384:", "sha512:")
_LISTED = 20
"""Names or platforms in one message."""


class Candidate(NamedTuple):
    """One image of an archive or layout."""

    key: str
    """The digest of its manifest, or the name of its configuration."""
    tags: frozenset[str] = frozenset()
    """What it is called, by names or by digests."""
    platform: Platform = Platform("", "")

    def names(self) -> list[str]:
        """Return the tags that are names, not digests."""
        return sorted(tag for tag in self.tags if not tag.startswith(_DIGESTS))

    def is_named(self, tag: str) -> bool:
        """Return whether `tag` means it: a name or its last parts, or a digest."""
        tag = tag.removeprefix("@")
        return tag in self.tags or any(
            name.endswith((f"/{tag}", f":{tag}")) or name == f"{tag}:latest"
            for name in self.names()
        )


def named_candidates(candidates: Sequence[Candidate], query: ImageQuery) -> Sequence[Candidate]:
    """Return those that the query's tag means, all where it has none; raises `ImageError`."""
    tag = query.tag
    found = [one for one in candidates if tag is None or one.is_named(tag)]
    if not found:
        raise ImageError(
            f"{query.reference}: no image is called {tag!r}", f"it holds: {_names(candidates)}"
        )
    return found


def select_candidate(candidates: Sequence[Candidate], query: ImageQuery) -> Candidate:
    """Return the one for the query's platform, of several for this machine's.

    Raises `UsageError` where there is none, or more than one.
    """
    requested = parse_platform(query.platform)
    if requested is None and len(candidates) > 1:
        requested = host_platform()
    fitting = [one for one in candidates if requested is None or fits(one.platform, requested)]
    if not fitting:
        platforms = sorted({str(one.platform) or "unknown" for one in candidates})
        raise UsageError(
            f"{query.reference} holds no image for {requested}",
            f"choose with --platform: {', '.join(platforms[:_LISTED])}",
        )
    found = [one for one in fitting if one.platform == requested] or fitting
    if len(found) > 1:
        raise UsageError(
            f"{query.reference} holds several images for one platform",
            "add the tag after a colon, and choose with --platform if need be; it holds: "
            f"{_names(found)}",
        )
    return found[0]


def _names(candidates: Sequence[Candidate]) -> str:
    names = list(dict.fromkeys(name for one in candidates for name in one.names() or [one.key]))
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
