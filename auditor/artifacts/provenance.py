"""The document that says who attested an artifact (PEP 740): beside it, or from an index."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.artifacts.archive_limits import PROVENANCE_BYTES
from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.local_files import file_of, in_folders, opened, unread
from auditor.artifacts.manifest import Absence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auditor.artifacts.remote import Remote
    from auditor.artifacts.sources import ArtifactSources
    from auditor.model import Artifact


def find_provenance(
    artifact: Artifact, sources: ArtifactSources, folder: Path, remote: Callable[[], Remote]
) -> bytes:
    """Return the provenance of an artifact.

    It is looked for as `<artifact>.provenance` beside the artifact, then in the indexes. The
    first one decides: signatures are verified over the locked hash, wherever they come from.
    Raises `ArtifactError` where no place has it.
    """
    faults: list[ArtifactError] = []
    for attempt in _attempts(artifact, sources, folder, remote):
        try:
            return attempt()
        except ArtifactError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                faults.append(error)
    if faults:
        raise faults[-1]
    if sources.offline:
        why = "no provenance is beside it, and no server is asked (--offline)"
        raise ArtifactError(Absence.OFFLINE, why)
    why = "no provenance is beside it, and no index is named"
    raise ArtifactError(Absence.UNREACHABLE, why)


def _attempts(
    artifact: Artifact, sources: ArtifactSources, folder: Path, remote: Callable[[], Remote]
) -> Iterator[Callable[[], bytes]]:
    beside = [] if artifact.path is None else [folder / artifact.path]
    beside += in_folders(artifact, sources.wheelhouses)
    if artifact.url is not None:
        path = file_of(sources.mirrored(artifact.url))
        beside += [] if path is None else [path]
    yield from (partial(_document, Path(f"{each}.provenance")) for each in beside)
    yield from (
        partial(remote().provenance, index, artifact, PROVENANCE_BYTES)
        for index in sources.indexes(artifact)
    )


def _document(path: Path) -> bytes:
    with opened(path) as file:
        try:
            content = file.read(PROVENANCE_BYTES + 1)
        except OSError as error:
            raise unread(error) from error
    if len(content) > PROVENANCE_BYTES:
        raise ArtifactError.limit(f"its provenance has more than {PROVENANCE_BYTES} bytes")
    return content
