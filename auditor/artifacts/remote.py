"""Artifacts from servers: whole and verified, or only what wheels say of themselves."""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, cast

from auditor.artifacts.archive_limits import PROVENANCE_BYTES
from auditor.artifacts.http_ranges import HttpRanges, NoRangesError
from auditor.artifacts.local_files import unread
from auditor.artifacts.manifest import Absence, ArtifactError
from auditor.artifacts.read_artifact import index_wheel, read_artifact
from auditor.artifacts.simple_index import SimpleIndex
from auditor.artifacts.verify import Verifier
from auditor.http.origin import host_of
from auditor.model import ArtifactKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from auditor.artifacts.artifact_client import ArtifactClient
    from auditor.artifacts.manifest_format import StoredManifest
    from auditor.model import Artifact

_PROVENANCE = "application/vnd.pypi.integrity.v1+json, application/json;q=0.5"
_IN_MEMORY = 4 << 20
"""Bytes of an artifact that need no file: most wheels are smaller."""


class Remote:
    """Asks servers for one lock's artifacts, from several threads at once."""

    def __init__(
        self, client: ArtifactClient, count: Callable[[int], None], *, indexed: bool
    ) -> None:
        """Call `count` with the bytes that come; read no whole wheel where `indexed`."""
        self._client = client
        self._indexes = SimpleIndex(client)
        self._indexed = indexed
        self._count = count

    def by_index(self, index: str, artifact: Artifact) -> StoredManifest:
        """Return the manifest of an artifact that an index lists; raises `ArtifactError`."""
        return self.by_url(self._indexes.listed(index, artifact).url, artifact)

    def provenance(self, index: str, artifact: Artifact) -> bytes:
        """Return the document in which an index says who attested an artifact (PEP 740).

        Raises `ArtifactError` where it has none.
        """
        url = self._indexes.listed(index, artifact).provenance
        if url is None:
            raise ArtifactError.unreachable(f"the index {host_of(index)} has no provenance of it")
        return self._client.document(url, {"Accept": _PROVENANCE}, PROVENANCE_BYTES)[1]

    def by_url(self, url: str, artifact: Artifact) -> StoredManifest:
        """Return the manifest of the artifact at a URL; raises `ArtifactError`."""
        if self._indexed and artifact.kind is ArtifactKind.WHEEL:
            try:
                return index_wheel(HttpRanges(self._client, url, artifact, self._count), artifact)
            except NoRangesError:
                pass
            except ArtifactError as error:
                # These bytes were not verified: the whole file may well be in order.
                if error.absence is not Absence.UNREADABLE:
                    raise
        with self._downloaded(url, artifact) as (file, digests):
            return read_artifact(file, artifact.filename, digests)

    @contextmanager
    def _downloaded(
        self, url: str, artifact: Artifact
    ) -> Iterator[tuple[BinaryIO, dict[str, str]]]:
        """Yield an artifact's bytes in a temporary file, verified, with their digests."""
        try:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
                file = cast("BinaryIO", spool)
                verifier = Verifier(artifact)
                # Closed at once: an error keeps what is open in its traceback.
                with closing(self._client.pieces(url, artifact.size)) as pieces:
                    for offset, piece in pieces:
                        if offset != verifier.size:  # after a cut, from the first byte again
                            file.seek(0)
                            file.truncate()
                            verifier = Verifier(artifact)
                        verifier.update(piece)
                        _write(file, piece)
                        self._count(len(piece))
                yield file, verifier.verified()
        except OSError as error:  # the temporary file's; a connection's are other errors by then
            raise unread(error) from error


def _write(file: BinaryIO, piece: bytes) -> None:
    try:
        file.write(piece)
    except OSError as error:
        why = f"it cannot be kept in a temporary file: {error.strerror}"
        raise ArtifactError.unreachable(why) from error
