"""Where a locked artifact is looked for, and in which order."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.artifacts.faults import ArtifactError
from auditor.artifacts.local import in_folders, in_pip_cache, locked_path, opened, unread
from auditor.artifacts.manifest import Absence
from auditor.artifacts.manifest_format import Kept
from auditor.artifacts.reading import read_artifact
from auditor.artifacts.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from auditor.model import Artifact

_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Sources:
    """Who may be asked for artifacts."""

    folder: Path
    """The lock's own, which its paths are relative to."""
    wheelhouses: tuple[Path, ...] = ()
    """Folders that hold artifacts by file name."""
    pip_cache: Path | None = None
    offline: bool = False
    """Ask nobody outside of this machine."""


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
        """Give the bytes that are here and those there will be, None where nobody knows."""
        with self._lock:
            return self._done, self._total if self._total >= self._done else None


class Finder:
    """Finds artifacts, verifies and reads them."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._stop = threading.Event()
        self.traffic = Traffic()

    def close(self) -> None:
        """Break off whatever is being read, in every thread."""
        self._stop.set()

    def find(self, artifact: Artifact) -> Kept:
        """Give the manifest of an artifact; raises `ArtifactError` where nobody has it.

        What is not the locked artifact is passed over while there is somebody else to ask. In
        the end, other bytes where the lock says that it is weigh more than no answer.
        """
        self.traffic.expect(artifact.size)
        faults = []
        named = locked_path(artifact, self._sources.folder)
        if named is not None:
            try:
                return self._read(artifact, named)
            except ArtifactError as error:
                faults.append(_passing(error))
        for path in self._copies(artifact):
            try:
                return self._read(artifact, path)
            except ArtifactError as error:
                _passing(error)  # another file of that name
        raise _worst(faults, self._sources)

    def _copies(self, artifact: Artifact) -> Iterator[Path]:
        """Yield the files on this machine that may be the artifact."""
        found = [*in_folders(artifact, self._sources.wheelhouses)]
        if artifact.url is not None and self._sources.pip_cache is not None:
            found.append(in_pip_cache(artifact.url, self._sources.pip_cache))
        yield from (path for path in found if path.is_file())

    def _read(self, artifact: Artifact, path: Path) -> Kept:
        with opened(path) as file:
            verifier = Verifier(artifact)
            try:
                while piece := file.read(_PIECE):
                    if self._stop.is_set():
                        raise ArtifactError(Absence.UNREACHABLE, "the reading was broken off")
                    verifier.update(piece)
                    self.traffic.add(len(piece))
                digests = verifier.verified()
                manifest = read_artifact(file, artifact.filename, digests["sha256"])
            except OSError as error:
                raise unread(error) from error
        return Kept(manifest, digests)


def _passing(error: ArtifactError) -> ArtifactError:
    """Give an error that somebody else's copy may mend; raise any other."""
    if error.absence in {Absence.UNREADABLE, Absence.LIMIT}:
        raise error
    return error


def _worst(faults: list[ArtifactError], sources: Sources) -> ArtifactError:
    for error in faults:
        if error.absence is Absence.MISMATCH:
            return error
    if sources.offline:
        return ArtifactError(Absence.OFFLINE, "it is not cached, and nobody is asked (--offline)")
    if faults:
        return faults[-1]
    return ArtifactError(Absence.UNREACHABLE, "the lock does not say where it is")
