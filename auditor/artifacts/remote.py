"""Artifacts from servers: whole and verified, or only what wheels say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.download import downloaded
from auditor.artifacts.http import Http
from auditor.artifacts.manifest import Absence
from auditor.artifacts.manifest_format import StoredManifest
from auditor.artifacts.read_artifact import read_artifact
from auditor.artifacts.response_body import whole
from auditor.artifacts.simple_index import SimpleIndex
from auditor.artifacts.wheel_ranges import HttpAccess, NoRangesError, index_wheel
from auditor.model import ArtifactKind
from auditor.web import host_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.artifacts.sources import ArtifactSources
    from auditor.model import Artifact

_PROVENANCE = "application/vnd.pypi.integrity.v1+json, application/json;q=0.5"


class Remote:
    """Asks servers, from several threads at once."""

    def __init__(self, sources: ArtifactSources, count: Callable[[int], None]) -> None:
        """Call `count` with the bytes that come."""
        named = (*sources.index_urls, *(replacement for _, replacement in sources.mirrors))
        self._http = Http(named, sources.retry_policy)
        self._indexes = SimpleIndex(self._http)
        self._indexed = sources.indexed
        self._count = count

    def close(self) -> None:
        """Break off what is being read."""
        self._http.close()

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
        return whole(self._http, url, {"Accept": _PROVENANCE}, limit)[1]

    def by_url(self, url: str, artifact: Artifact) -> StoredManifest:
        """Return the manifest of the artifact at a URL; raises `ArtifactError`."""
        if self._indexed and artifact.kind is ArtifactKind.WHEEL:
            try:
                access = HttpAccess(self._http, url, artifact, self._count)
                return StoredManifest(index_wheel(access, artifact), {})
            except NoRangesError:
                pass
            except ArtifactError as error:
                # Nobody verified what was read: the whole file may well be in order.
                if error.absence is not Absence.UNREADABLE:
                    raise
        with downloaded(self._http, url, artifact, self._count) as (file, digests):
            return StoredManifest(
                read_artifact(file, artifact.filename, digests["sha256"]), digests
            )
