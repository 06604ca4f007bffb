"""The manifests of one lock's artifacts."""

from __future__ import annotations

from concurrent.futures import Future, wait
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Absence, Absent, ArtifactError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from auditor.artifacts.artifact_pool import ArtifactKey, ArtifactPool, Found
    from auditor.model import Artifact
    from auditor.progress import Progress

_REPORT_SECONDS = 0.1
"""Between two reports of progress."""


class ManifestStore(AbstractContextManager["ManifestStore"]):
    """Manifests of the artifacts that one lock names.

    Use it as a context: leaving it gives up what was not begun, unless another lock waits for it.
    """

    def __init__(self, pool: ArtifactPool, folder: Path, show: Progress | None = None) -> None:
        """Find them by `pool`; the lock's paths are relative to `folder`.

        `show` is called while artifacts are waited for.
        """
        self._pool = pool
        self._folder = folder
        self._show = show
        self._finder = pool.finder(folder)
        self._found: dict[ArtifactKey, Found | Future[Found]] = {}

    def prefetch(self, artifacts: Sequence[Artifact]) -> None:
        """Begin to find manifests in the background."""
        for artifact in artifacts:
            key = self._key(artifact)
            if key not in self._found:
                self._found[key] = self._pool.begin(key, artifact, self._finder)

    def get(self, artifacts: Sequence[Artifact]) -> list[Found]:
        """Return each artifact's manifest, or why there is none, in the order asked for."""
        self.prefetch(artifacts)
        found = [self._found[self._key(artifact)] for artifact in artifacts]
        waiting = {each for each in found if isinstance(each, Future)}
        while waiting:
            wait(waiting, timeout=_REPORT_SECONDS)
            waiting = {each for each in waiting if not each.done()}
            if waiting and self._show is not None:
                self._show("artifacts", *self._finder.traffic.so_far())
        return list(map(_result, artifacts, found))

    def provenances(self, artifacts: Sequence[Artifact]) -> list[bytes | Absent]:
        """Return the provenance (PEP 740) of each artifact, or why there is none."""
        return self._pool.map(self._provenance, artifacts)

    def __exit__(self, *_: object) -> None:
        for key, each in self._found.items():
            if isinstance(each, Future):
                self._pool.give_up(key, each)

    def _provenance(self, artifact: Artifact) -> bytes | Absent:
        try:
            return self._finder.provenance(artifact)
        except ArtifactError as error:
            return error.absent(artifact)

    def _key(self, artifact: Artifact) -> ArtifactKey:
        return (
            artifact.filename,
            artifact.size,
            artifact.url,
            artifact.index,
            None if artifact.path is None else self._folder / artifact.path,
            *sorted(artifact.hashes.items()),
        )


def _result(artifact: Artifact, found: Found | Future[Found]) -> Found:
    if isinstance(found, Future):
        if found.cancelled():
            return Absent(artifact, Absence.UNREACHABLE, "the reading was interrupted")
        found = found.result()
    # What another lock asked for first names an equal artifact, not this one.
    return found._replace(artifact=artifact) if isinstance(found, Absent) else found
