"""Locked artifacts of a session: from the cache, or from where their locks say they are."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from auditor.artifacts.finder import Finder
from auditor.artifacts.manifest import Absence, Absent, ArtifactError, Manifest
from auditor.artifacts.manifest_cache import ManifestCache
from auditor.artifacts.verify import cache_keys, check
from auditor.errors import ImageError
from auditor.http.connections import HttpConnections
from auditor.record_rows import ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from auditor.artifacts.artifact_client import ArtifactClient
    from auditor.artifacts.manifest_format import StoredManifest
    from auditor.artifacts.sources import ArtifactSources
    from auditor.model import Artifact

    Found = Manifest | Absent
    ArtifactKey = tuple[object, ...]
    """All that decides what is found: equal ones are one artifact, whichever lock names it."""

T = TypeVar("T")

_AT_ONCE = 8
"""Artifacts fetched at a time."""

_CLOSE_SECONDS = 1
"""How long threads are waited for at the end."""

_RECENT_MEMBERS = 100_000
"""Members of the manifests that stay in memory: some 30 MB."""


@dataclass(slots=True)
class _Search:
    future: Future[Found]
    waiting: int = 0
    """Stores that wait for it."""


class ArtifactPool(AbstractContextManager["ArtifactPool"]):
    """Finds artifacts for any number of locks, each once for all that need it at a time.

    Use it as a context, or call `close` after the last audit: that interrupts what is still
    being read. Nothing in it grows with the number of locks.
    """

    def __init__(
        self,
        sources: ArtifactSources,
        cache: ManifestCache | None = None,
        connections: HttpConnections | None = None,
    ) -> None:
        """Ask `sources` for what `cache` does not have; without `connections`, by its own."""
        self._sources = sources
        self._cache = cache or ManifestCache(None)
        self._connections = connections or HttpConnections()
        self._workers: list[threading.Thread] = []
        self._threads = ThreadPoolExecutor(
            _AT_ONCE, "artifacts", lambda: self._workers.append(threading.current_thread())
        )
        self._stopped = threading.Event()
        # May be taken twice by one thread, in case Ctrl-C kept it from being released.
        self._lock = threading.RLock()
        self._searches: dict[ArtifactKey, _Search] = {}
        self._recent: OrderedDict[ArtifactKey, Manifest] = OrderedDict()
        self._recent_members = 0
        self._client: ArtifactClient | None = None

    def finder(self, folder: Path) -> Finder:
        """Return what finds the artifacts of a lock in `folder`."""
        return Finder(self._sources, folder, self._shared_client, self._stopped)

    def begin(self, key: ArtifactKey, artifact: Artifact, finder: Finder) -> Found | Future[Found]:
        """Return what is known of an artifact, else the search for it, which `finder` makes."""
        keys = cache_keys(artifact)
        if not keys:
            return Absent(artifact, Absence.UNHASHED, "the lock lists no strong hash of it")
        recent = self._recent.get(key)
        if recent is not None:
            return recent
        known = _known(artifact, self._cache.find(keys))
        with self._lock:
            if known is not None:
                return self._remember(key, known)
            search = self._searches.get(key)
            if search is None:
                future = self._submit(self._search, key, artifact, keys, finder)
                search = self._searches[key] = _Search(future)
            search.waiting += 1
            return search.future

    def give_up(self, key: ArtifactKey, future: Future[Found]) -> None:
        """Stop waiting for a search; one that no store waits for is not begun."""
        with self._lock:
            search = self._searches.get(key)
            if search is not None and search.future is future:
                search.waiting -= 1
                if not search.waiting and future.cancel():
                    del self._searches[key]

    def map(self, function: Callable[[Artifact], T], artifacts: Iterable[Artifact]) -> list[T]:
        """Return the results of a function for several artifacts at a time, in their order."""
        return [each.result() for each in [self._submit(function, a) for a in artifacts]]

    def _submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        try:
            return self._threads.submit(function, *arguments)
        except RuntimeError as error:  # `close` shut them down, perhaps just now
            raise ImageError("the session was closed during the audit") from error

    def close(self) -> None:
        """Interrupt what is being read, and begin nothing more.

        Ctrl-C can leave a thread that never ends (see `thread_pool`): none is waited for long.
        """
        self._stopped.set()
        if self._client is not None:
            self._client.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + _CLOSE_SECONDS
        for worker in self._workers:
            worker.join(max(deadline - time.monotonic(), 0))

    def __exit__(self, *_: object) -> None:
        self.close()

    def _shared_client(self) -> ArtifactClient:
        from auditor.artifacts.artifact_client import ArtifactClient  # noqa: PLC0415 -- `requests`

        with self._lock:
            if self._client is None:
                self._client = ArtifactClient(self._connections, self._sources.named_urls)
                if self._stopped.is_set():
                    self._client.close()
            return self._client

    def _search(
        self, key: ArtifactKey, artifact: Artifact, keys: Sequence[str], finder: Finder
    ) -> Found:
        try:
            found = self._found(artifact, keys, finder)
            with self._lock:
                return self._remember(key, found)
        finally:
            with self._lock:
                del self._searches[key]

    def _found(self, artifact: Artifact, keys: Sequence[str], finder: Finder) -> Found:
        known = _known(artifact, self._cache.find_shared(keys))
        if known is not None:
            return known
        try:
            new = finder.find(artifact)
        except ArtifactError as error:
            return error.absent(artifact)
        if new.manifest.verified:
            self._cache.keep(keys, new)
        return new.manifest

    def _remember(self, key: ArtifactKey, found: Found) -> Found:
        """Keep a manifest in memory for a while, and none that is only indexed; return it."""
        if isinstance(found, Manifest) and found.verified and key not in self._recent:
            self._recent[key] = found
            self._recent_members += len(found.members)
            while self._recent_members > _RECENT_MEMBERS:
                _, oldest = self._recent.popitem(last=False)
                self._recent_members -= len(oldest.members)
        return found


def _known(artifact: Artifact, kept: StoredManifest | None) -> Found | None:
    """Return what a kept manifest says of an artifact; None where it does not say enough."""
    if kept is None:
        return None
    try:
        check(artifact, kept.manifest.size, kept.hashes)
    except ArtifactError as error:
        return error.absent(artifact)
    if not artifact.hashes.keys() & ALGORITHMS <= kept.hashes.keys():
        return None  # a hash that was not computed then
    return replace(kept.manifest, filename=artifact.filename)
