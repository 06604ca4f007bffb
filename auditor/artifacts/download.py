"""An artifact over HTTP into a temporary file, verified while it comes."""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, cast

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.local_files import unread
from auditor.artifacts.manifest import Absence
from auditor.artifacts.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from auditor.artifacts.artifact_client import ArtifactClient
    from auditor.model import Artifact

_IN_MEMORY = 4 << 20
"""Bytes of an artifact that need no file: most wheels are smaller."""


@contextmanager
def downloaded(
    client: ArtifactClient, url: str, artifact: Artifact, count: Callable[[int], None]
) -> Iterator[tuple[BinaryIO, dict[str, str]]]:
    """Yield a locked artifact's bytes in a temporary file, with their digests.

    Raises `ArtifactError` where no server has them or where they are others.
    """
    try:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            file = cast("BinaryIO", spool)
            verifier = Verifier(artifact)
            # Closed at once: an error keeps what is open in its traceback.
            with closing(client.pieces(url, artifact.size)) as pieces:
                for offset, piece in pieces:
                    if offset != verifier.size:  # after a cut, from the first byte again
                        file.seek(0)
                        file.truncate()
                        verifier = Verifier(artifact)
                    verifier.update(piece)
                    _write(file, piece)
                    count(len(piece))
            yield file, verifier.verified()
    except OSError as error:  # the temporary file's; a connection's are other errors by then
        raise unread(error) from error


def _write(file: BinaryIO, piece: bytes) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise ArtifactError(
            Absence.UNREACHABLE, f"it cannot be kept in a temporary file: {error.strerror}"
        ) from error
