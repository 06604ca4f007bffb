"""The search for one lock's artifacts: place after place, until one has the locked bytes."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.artifacts.archive_limits import PROVENANCE_BYTES
from auditor.artifacts.local_files import file_of, in_folders, in_pip_cache, opened
from auditor.artifacts.manifest import Absence, ArtifactError
from auditor.artifacts.random_access import PIECE, FileAccess
from auditor.artifacts.verify import Verifier
from auditor.model import ArtifactKind
from auditor.progress import ByteCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auditor.artifacts.artifact_client import ArtifactClient
    from auditor.artifacts.manifest_format import StoredManifest
    from auditor.artifacts.remote import Remote
    from auditor.artifacts.sources import ArtifactSources
    from auditor.model import Artifact


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
        for fault in faults:
            if fault.absence is Absence.MISMATCH:
                raise fault
        if self._sources.offline:
            why = "it is not cached, and no server is asked (--offline)"
            raise ArtifactError(Absence.OFFLINE, why)
        if faults:
            raise faults[-1]
        raise ArtifactError.unreachable("the lock does not say where it is")

    def _attempts(self, artifact: Artifact) -> Iterator[Callable[[], StoredManifest]]:
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

    def provenance(self, artifact: Artifact) -> bytes:
        """Return the document that says who attested an artifact (PEP 740).

        It is looked for as `<artifact>.provenance` beside the artifact, then in the indexes. The
        first one decides: signatures are verified over the locked hash, wherever they come from.
        Raises `ArtifactError` where no place has it.
        """
        faults: list[ArtifactError] = []
        for attempt in self._provenance_attempts(artifact):
            try:
                return attempt()
            except ArtifactError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    faults.append(error)
        if faults:
            raise faults[-1]
        if self._sources.offline:
            why = "no provenance is beside it, and no server is asked (--offline)"
            raise ArtifactError(Absence.OFFLINE, why)
        raise ArtifactError.unreachable("no provenance is beside it, and no index is named")

    def _provenance_attempts(self, artifact: Artifact) -> Iterator[Callable[[], bytes]]:
        sources = self._sources
        beside = [] if artifact.path is None else [self._folder / artifact.path]
        beside += in_folders(artifact, sources.wheelhouses)
        path = None if artifact.url is None else file_of(sources.mirrored(artifact.url))
        beside += [] if path is None else [path]
        yield from (partial(_provenance_file, Path(f"{each}.provenance")) for each in beside)
        for index in sources.indexes(artifact):
            yield partial(self._remote().provenance, index, artifact)

    def _remote(self) -> Remote:
        from auditor.artifacts.remote import Remote  # noqa: PLC0415 -- a tenth of a second

        with self._lock:
            if self._only_remote is None:
                indexed = self._sources.indexed
                self._only_remote = Remote(self._client(), self.traffic.add, indexed=indexed)
            return self._only_remote

    def _read(self, artifact: Artifact, path: Path) -> StoredManifest:
        """Return the manifest of a file, verified unless it is a wheel that is only indexed."""
        with opened(path) as file:
            from auditor.artifacts.read_artifact import index_wheel, read_artifact  # noqa: PLC0415 -- 20 ms

            if self._sources.indexed and artifact.kind is ArtifactKind.WHEEL:
                return index_wheel(FileAccess(file), artifact)
            verifier = Verifier(artifact)
            while piece := file.read(PIECE):
                if self._stopped.is_set():
                    raise ArtifactError.unreachable("the reading was interrupted")
                verifier.update(piece)
                self.traffic.add(len(piece))
            return read_artifact(file, artifact.filename, verifier.verified())

    def _read_copy(self, artifact: Artifact, path: Path) -> StoredManifest:
        """Read a file that may be the artifact; another one of that name contradicts nothing."""
        try:
            return self._read(artifact, path)
        except ArtifactError as error:
            if error.absence is Absence.MISMATCH:
                raise ArtifactError.unreachable("no copy of it is here") from error
            raise


def _provenance_file(path: Path) -> bytes:
    with opened(path) as file:
        content = file.read(PROVENANCE_BYTES + 1)
    if len(content) > PROVENANCE_BYTES:
        raise ArtifactError.limit(f"its provenance has more than {PROVENANCE_BYTES} bytes")
    return content
