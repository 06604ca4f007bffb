"""Where a locked artifact is looked for, and in which order."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.artifacts.archive_limits import PROVENANCE_BYTES
from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.local_files import file_of, in_folders, in_pip_cache, opened, unread
from auditor.artifacts.manifest import Absence
from auditor.artifacts.manifest_format import StoredManifest
from auditor.artifacts.random_access import PIECE, FileAccess
from auditor.artifacts.verify import Verifier
from auditor.model import ArtifactKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auditor.artifacts.remote import Remote
    from auditor.model import Artifact
    from auditor.web import RetryPolicy

    Attempt = Callable[[], StoredManifest]


@dataclass(frozen=True, slots=True)
class ArtifactSources:
    """Who may be asked for artifacts, in this order after the lock's own `path`."""

    folder: Path
    """The lock's own, which its paths are relative to."""
    wheelhouses: tuple[Path, ...] = ()
    """Folders that hold artifacts by file name."""
    pip_cache: Path | None = None
    mirrors: tuple[tuple[str, str], ...] = ()
    """Beginnings of URLs, and what stands in their place."""
    index_urls: tuple[str, ...] = ()
    """Indexes (simple repository API) that are asked before the lock's own."""
    offline: bool = False
    """Ask nobody outside of this machine."""
    indexed: bool = False
    """Take a wheel's word for its members' hashes, and do not read the whole of it."""
    retry_policy: RetryPolicy | None = None


class Traffic:
    """Counts bytes for the progress bar, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = self._total = 0

    def expect(self, size: int | None) -> None:
        """Count an artifact that will be read, as large as the lock says."""
        with self._lock:
            self._total += size or 0

    def add(self, size: int) -> None:
        """Count bytes that are here."""
        with self._lock:
            self._done += size

    def so_far(self) -> tuple[int, int | None]:
        """Return the bytes that are here and those there will be, None where nobody knows."""
        with self._lock:
            return self._done, self._total if self._total >= self._done else None


class Finder:
    """Finds artifacts, verifies and reads them; from several threads at once."""

    def __init__(self, sources: ArtifactSources) -> None:
        self._sources = sources
        self._stop = threading.Event()
        self._making = threading.Lock()
        self._remote: Remote | None = None
        self.traffic = Traffic()

    def close(self) -> None:
        """Break off whatever is being read, in every thread."""
        # Without the lock: whoever holds it may never let go of it any more, after Ctrl-C.
        self._stop.set()
        if self._remote is not None:
            self._remote.close()

    def find(self, artifact: Artifact) -> StoredManifest:
        """Return the manifest of an artifact; raises `ArtifactError` where nobody has it.

        What is not the locked artifact is passed over while there is somebody else to ask. In
        the end, other bytes where the lock says that it is weigh more than no answer.
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
        """Return the document that says who attested an artifact (PEP 740).

        It is looked for as `<artifact>.provenance` beside the artifact, then in the indexes. The
        first one decides: signatures are verified over the locked hash, whoever gave them.
        Raises `ArtifactError` where nobody has it.
        """
        faults: list[ArtifactError] = []
        for attempt in self._provenances(artifact):
            try:
                return attempt()
            except ArtifactError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    faults.append(error)
        if faults:
            raise faults[-1]
        if self._sources.offline:
            why = "no provenance is beside it, and nobody is asked (--offline)"
            raise ArtifactError(Absence.OFFLINE, why)
        why = "no provenance is beside it, and no index is named"
        raise ArtifactError(Absence.UNREACHABLE, why)

    def _provenances(self, artifact: Artifact) -> Iterator[Callable[[], bytes]]:
        sources = self._sources
        beside = [] if artifact.path is None else [sources.folder / artifact.path]
        beside += in_folders(artifact, sources.wheelhouses)
        if artifact.url is not None:
            path = file_of(rewritten(artifact.url, sources.mirrors))
            beside += [] if path is None else [path]
        yield from (partial(_document, Path(f"{each}.provenance")) for each in beside)
        yield from (
            partial(self._ask().provenance, index, artifact, PROVENANCE_BYTES)
            for index in self._indexes(artifact)
        )

    def _indexes(self, artifact: Artifact) -> list[str]:
        """Return the indexes that may be asked, mirrors in their place."""
        sources = self._sources
        if sources.offline:
            return []
        named = [*sources.index_urls, *([artifact.index] if artifact.index else [])]
        return list(dict.fromkeys(rewritten(each, sources.mirrors) for each in named))

    def _attempts(self, artifact: Artifact) -> Iterator[Attempt]:
        sources = self._sources
        if artifact.path is not None:
            yield partial(self._read, artifact, sources.folder / artifact.path)
        copies = [*in_folders(artifact, sources.wheelhouses)]
        if artifact.url is not None and sources.pip_cache is not None:
            with suppress(ValueError):
                copies.append(in_pip_cache(artifact.url, sources.pip_cache))
        yield from (partial(self._copy, artifact, path) for path in copies if path.is_file())
        urls = [] if artifact.url is None else [rewritten(artifact.url, sources.mirrors)]
        for url in urls:
            path = file_of(url)
            if path is not None:
                yield partial(self._read, artifact, path)
            elif not sources.offline:
                yield partial(self._ask().by_url, url, artifact)
        for index in self._indexes(artifact):
            yield partial(self._ask().by_index, index, artifact)

    def _ask(self) -> Remote:
        from auditor.artifacts.remote import Remote  # noqa: PLC0415 -- a tenth of a second

        with self._making:
            if self._remote is None:
                self._remote = Remote(self._sources, self.traffic.add)
                if self._stop.is_set():
                    self._remote.close()
            return self._remote

    def _copy(self, artifact: Artifact, path: Path) -> StoredManifest:
        """Read a file that may be the artifact; another one of that name contradicts nothing."""
        try:
            return self._read(artifact, path)
        except ArtifactError as error:
            if error.absence is Absence.MISMATCH:
                raise ArtifactError(Absence.UNREACHABLE, "no copy of it is here") from error
            raise

    def _read(self, artifact: Artifact, path: Path) -> StoredManifest:
        with opened(path) as file:
            try:
                if self._sources.indexed and artifact.kind is ArtifactKind.WHEEL:
                    from auditor.artifacts.wheel_ranges import index_wheel  # noqa: PLC0415 -- `requests`

                    return StoredManifest(index_wheel(FileAccess(file), artifact), {})
                verifier = Verifier(artifact)
                while piece := file.read(PIECE):
                    if self._stop.is_set():
                        raise ArtifactError(Absence.UNREACHABLE, "the reading was broken off")
                    verifier.update(piece)
                    self.traffic.add(len(piece))
                digests = verifier.verified()
                from auditor.artifacts.read_artifact import read_artifact  # noqa: PLC0415 -- 20 ms

                return StoredManifest(
                    read_artifact(file, artifact.filename, digests["sha256"]), digests
                )
            except OSError as error:
                raise unread(error) from error

    def _worst(self, faults: list[ArtifactError]) -> ArtifactError:
        for error in faults:
            if error.absence is Absence.MISMATCH:
                return error
        if self._sources.offline:
            return ArtifactError(
                Absence.OFFLINE, "it is not cached, and nobody is asked (--offline)"
            )
        if faults:
            return faults[-1]
        return ArtifactError(Absence.UNREACHABLE, "the lock does not say where it is")


def _document(path: Path) -> bytes:
    with opened(path) as file:
        try:
            content = file.read(PROVENANCE_BYTES + 1)
        except OSError as error:
            raise unread(error) from error
    if len(content) > PROVENANCE_BYTES:
        raise ArtifactError.limit(f"its provenance has more than {PROVENANCE_BYTES} bytes")
    return content


def rewritten(url: str, mirrors: tuple[tuple[str, str], ...]) -> str:
    """Return a URL with its beginning replaced as the first fitting mirror says."""
    for beginning, replacement in mirrors:
        if url.startswith(beginning):
            return replacement + url[len(beginning) :]
    return url
