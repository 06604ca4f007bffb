"""The manifest of an artifact that is a file of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.local_files import opened, unread
from auditor.artifacts.manifest import Absence
from auditor.artifacts.manifest_format import StoredManifest
from auditor.artifacts.random_access import PIECE, FileAccess
from auditor.artifacts.verify import Verifier
from auditor.model import ArtifactKind

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from auditor.model import Artifact


def read_local_artifact(
    artifact: Artifact,
    path: Path,
    count: Callable[[int], None],
    stopped: threading.Event,
    *,
    indexed: bool,
) -> StoredManifest:
    """Return the manifest of a file, verified unless it is a wheel that is only `indexed`.

    Calls `count` with the bytes that were read. Raises `ArtifactError`, for a file that is not
    the artifact too, and once `stopped` is set.
    """
    with opened(path) as file:
        try:
            if indexed and artifact.kind is ArtifactKind.WHEEL:
                from auditor.artifacts.wheel_index import index_wheel  # noqa: PLC0415 -- 20 ms

                return StoredManifest(index_wheel(FileAccess(file), artifact), {})
            verifier = Verifier(artifact)
            while piece := file.read(PIECE):
                if stopped.is_set():
                    raise ArtifactError(Absence.UNREACHABLE, "the reading was interrupted")
                verifier.update(piece)
                count(len(piece))
            digests = verifier.verified()
            from auditor.artifacts.read_artifact import read_artifact  # noqa: PLC0415 -- 20 ms

            return StoredManifest(
                read_artifact(file, artifact.filename, digests["sha256"]), digests
            )
        except OSError as error:
            raise unread(error) from error
