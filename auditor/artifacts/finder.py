"""The search for one lock's artifacts: place after place, until one has the locked bytes."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.local_artifact import read_local_artifact
from auditor.artifacts.local_files import file_of, in_folders, in_pip_cache
from auditor.artifacts.manifest import Absence
from auditor.artifacts.provenance import find_provenance
from auditor.progress import ByteCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from auditor.artifacts.artifact_client import ArtifactClient
    from auditor.artifacts.manifest_format import StoredManifest
    from auditor.artifacts.remote import Remote
    from auditor.artifacts.sources import ArtifactSources
    from auditor.model import Artifact

    Attempt = Callable[[], StoredManifest]


class Finder:
    """Finds artifacts, verifies and reads them; from several threads at once."""

    def __init__(
        self,
        sources: ArtifactSources,
        folder: Path,
        client: Callable[[], ArtifactClient],
        stopped: threading.Event,
    ) -> None:
        """Look in `folder` for the lock's own paths; end early once `stopped` is set."""
        self.traffic = ByteCounter()
        self._sources = sources
        self._folder = folder
        self._client = client
        self._stopped = stopped
        self._lock = threading.Lock()
        self._only_remote: Remote | None = None

    def find(self, artifact: Artifact) -> StoredManifest:
        """Return the manifest of an artifact; raises `ArtifactError` where no place has it.

        What is not the locked artifact is passed over while there is another place. In the
        end, other bytes where the lock says that it is weigh more than no answer.
        """
        self.traffic.expect(artifact.size)
        faults: list[ArtifactError] = []
        for attempt in self._attempts(artifact):
            try:
                return attempt()
            except ArtifactError as error:
                if error.absence in {Absence.UNREADABLE, Absence.LIMIT}:
                    raise  # it is the artifact, wherever it comes from
                faults.append(error)
        raise self._worst(faults)

    def provenance(self, artifact: Artifact) -> bytes:
        """Return the provenance of an artifact (PEP 740); raises `ArtifactError`."""
        return find_provenance(artifact, self._sources, self._folder, self._remote)

    def _attempts(self, artifact: Artifact) -> Iterator[Attempt]:
        sources = self._sources
        if artifact.path is not None:
            yield partial(self._read, artifact, self._folder / artifact.path)
        copies = [*in_folders(artifact, sources.wheelhouses)]
        if artifact.url is not None and sources.pip_cache is not None:
            with suppress(ValueError):
                copies.append(in_pip_cache(artifact.url, sources.pip_cache))
        yield from (partial(self._read_copy, artifact, path) for path in copies if path.is_file())
        if artifact.url is not None:
            url = sources.mirrored(artifact.url)
            path = file_of(url)
            if path is not None:
                yield partial(self._read, artifact, path)
            elif not sources.offline:
                yield partial(self._remote().by_url, url, artifact)
        for index in sources.indexes(artifact):
            yield partial(self._remote().by_index, index, artifact)

    def _remote(self) -> Remote:
        from auditor.artifacts.remote import Remote  # noqa: PLC0415 -- a tenth of a second

        with self._lock:
            if self._only_remote is None:
                indexed = self._sources.indexed
                self._only_remote = Remote(self._client(), self.traffic.add, indexed=indexed)
            return self._only_remote

    def _read(self, artifact: Artifact, path: Path) -> StoredManifest:
        indexed = self._sources.indexed
        return read_local_artifact(artifact, path, self.traffic.add, self._stopped, indexed=indexed)

    def _read_copy(self, artifact: Artifact, path: Path) -> StoredManifest:
        """Read a file that may be the artifact; another one of that name contradicts nothing."""
        try:
            return self._read(artifact, path)
        except ArtifactError as error:
            if error.absence is Absence.MISMATCH:
                raise ArtifactError(Absence.UNREACHABLE, "no copy of it is here") from error
            raise

    def _worst(self, faults: list[ArtifactError]) -> ArtifactError:
        for error in faults:
            if error.absence is Absence.MISMATCH:
                return error
        if self._sources.offline:
            return ArtifactError(
                Absence.OFFLINE, "it is not cached, and no server is asked (--offline)"
            )
        if faults:
            return faults[-1]
        return ArtifactError(Absence.UNREACHABLE, "the lock does not say where it is")
