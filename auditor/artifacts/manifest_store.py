"""What the locked artifacts contain: from the cache, or from where the lock says they are."""

from __future__ import annotations

from concurrent.futures import wait
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.manifest import Absence, Absent, Manifest
from auditor.artifacts.sources import Finder
from auditor.artifacts.verify import COMPUTED, cache_keys, check
from auditor.thread_pool import threads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from auditor.artifacts.manifest_cache import ManifestCache
    from auditor.artifacts.manifest_format import StoredManifest
    from auditor.artifacts.sources import ArtifactSources
    from auditor.model import Artifact
    from auditor.progress import Progress

    Found = Manifest | Absent
    _Key = tuple[object, ...]

_AT_ONCE = 8
"""Artifacts fetched at a time."""

_TELL = 0.1
"""Seconds between two words about progress."""


class ManifestStore:
    """Manifests of locked artifacts, each found once.

    Use it as a context: leaving it, by Ctrl-C too, breaks off what is still being fetched.
    """

    def __init__(
        self,
        sources: ArtifactSources,
        cache: ManifestCache | None = None,
        show: Progress | None = None,
    ) -> None:
        self._finder = Finder(sources)
        self._cache = cache
        self._show = show
        self._found: dict[_Key, Found | Future[Found]] = {}
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(threads(_AT_ONCE, "artifacts"))
        self._stack.callback(self._finder.close)

    def prefetch(self, artifacts: Sequence[Artifact]) -> None:
        """Begin to find manifests in the background."""
        for artifact in artifacts:
            key = _key(artifact)
            if key not in self._found:
                self._found[key] = self._begun(artifact)

    def get(self, artifacts: Sequence[Artifact]) -> list[Found]:
        """Return each artifact's manifest, or why there is none, in the order asked for."""
        self.prefetch(artifacts)
        found = [self._found[_key(artifact)] for artifact in artifacts]
        waiting = {each for each in found if not isinstance(each, (Manifest, Absent))}
        while waiting:
            _, waiting = wait(waiting, timeout=_TELL)
            if waiting and self._show is not None:
                self._show("artifacts", *self._finder.traffic.so_far())
        return [each if isinstance(each, (Manifest, Absent)) else each.result() for each in found]

    def provenances(self, artifacts: Sequence[Artifact]) -> list[bytes | Absent]:
        """Return for each artifact who says to have attested it (PEP 740), or why nobody does."""
        asked = [self._pool.submit(self._provenance, artifact) for artifact in artifacts]
        return [each.result() for each in asked]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _begun(self, artifact: Artifact) -> Found | Future[Found]:
        """Return what is known at once, else the promise of it."""
        keys = cache_keys(artifact)
        if not keys:
            return Absent(artifact, Absence.UNHASHED, "the lock lists no strong hash of it")
        kept = self._cache.find(keys) if self._cache is not None else None
        known = None if kept is None else _known(artifact, kept)
        return known or self._pool.submit(self._looked_for, artifact, keys)

    def _looked_for(self, artifact: Artifact, keys: Sequence[str]) -> Found:
        cache = self._cache
        kept = cache.find_shared(keys) if cache is not None else None
        known = None if kept is None else _known(artifact, kept)
        if known is not None:
            return known
        try:
            new = self._finder.find(artifact)
        except ArtifactError as error:
            return Absent(artifact, error.absence, error.why)
        if cache is not None and new.manifest.verified:
            cache.keep(keys, new)
        return new.manifest

    def _provenance(self, artifact: Artifact) -> bytes | Absent:
        try:
            return self._finder.provenance(artifact)
        except ArtifactError as error:
            return Absent(artifact, error.absence, error.why)


def _key(artifact: Artifact) -> _Key:
    return (
        artifact.filename,
        artifact.size,
        artifact.url,
        artifact.path,
        *sorted(artifact.hashes.items()),
    )


def _known(artifact: Artifact, kept: StoredManifest) -> Found | None:
    """Return what a kept manifest says of an artifact; None where it cannot say enough."""
    try:
        check(artifact, kept.manifest.size, kept.hashes)
    except ArtifactError as error:
        return Absent(artifact, error.absence, error.why)
    if not artifact.hashes.keys() & COMPUTED <= kept.hashes.keys():
        return None  # a hash that was not computed then
    return replace(kept.manifest, filename=artifact.filename)
