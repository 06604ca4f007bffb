"""Artifacts from servers: whole and verified, or only what wheels say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.download import downloaded
from auditor.artifacts.http_ranges import HttpRanges, NoRangesError
from auditor.artifacts.manifest import Absence
from auditor.artifacts.manifest_format import StoredManifest
from auditor.artifacts.read_artifact import read_artifact
from auditor.artifacts.simple_index import SimpleIndex
from auditor.artifacts.wheel_index import index_wheel
from auditor.http.origin import host_of
from auditor.model import ArtifactKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.artifacts.artifact_client import ArtifactClient
    from auditor.model import Artifact

_PROVENANCE = "application/vnd.pypi.integrity.v1+json, application/json;q=0.5"


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

    def provenance(self, index: str, artifact: Artifact, limit: int) -> bytes:
        """Return the document in which an index says who attested an artifact (PEP 740).

        Raises `ArtifactError` where it has none, or one of more than `limit` bytes.
        """
        url = self._indexes.listed(index, artifact).provenance
        if url is None:
            where = f"the index {host_of(index)}"
            raise ArtifactError(Absence.UNREACHABLE, f"{where} has no provenance of it")
        return self._client.document(url, {"Accept": _PROVENANCE}, limit)[1]

    def by_url(self, url: str, artifact: Artifact) -> StoredManifest:
        """Return the manifest of the artifact at a URL; raises `ArtifactError`."""
        if self._indexed and artifact.kind is ArtifactKind.WHEEL:
            try:
                ranges = HttpRanges(self._client, url, artifact, self._count)
                return StoredManifest(index_wheel(ranges, artifact), {})
            except NoRangesError:
                pass
            except ArtifactError as error:
                # These bytes were not verified: the whole file may well be in order.
                if error.absence is not Absence.UNREADABLE:
                    raise
        with downloaded(self._client, url, artifact, self._count) as (file, digests):
            return StoredManifest(
                read_artifact(file, artifact.filename, digests["sha256"]), digests
            )
