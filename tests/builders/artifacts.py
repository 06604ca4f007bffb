from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Absence, Absent, Manifest
from auditor.artifacts.read_artifact import read_artifact
from auditor.model import Attestation, AttestationState
from tests.builders.wheels import sdist, zipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from auditor.model import Artifact


def artifact_bytes(filename: str, files: Mapping[str, str | bytes]) -> bytes:
    """Return the bytes of a wheel or, by its name, of an sdist whose files lie in a top folder."""
    if filename.endswith(".whl"):
        return zipped(files, compression=zipfile.ZIP_STORED)
    return sdist(files, name=filename.removesuffix(".tar.gz"))


def manifest_of(filename: str, files: Mapping[str, str | bytes]) -> Manifest:
    """Return the manifest of a wheel or an sdist with these files."""
    content = artifact_bytes(filename, files)
    digests = {"sha256": hashlib.sha256(content).hexdigest()}
    return read_artifact(io.BytesIO(content), filename, digests).manifest


class Shelf:
    """Manifests by file name, and why others are absent; what it has neither of is unreachable."""

    def __init__(
        self, manifests: Iterable[Manifest] = (), absences: Mapping[str, Absence] | None = None
    ) -> None:
        self._manifests = {each.filename: each for each in manifests}
        self._absences = absences or {}
        self.asked: list[str] = []

    def get(self, artifacts: Sequence[Artifact]) -> list[Manifest | Absent]:
        self.asked += [each.filename for each in artifacts]
        return [self._one(each) for each in artifacts]

    def _one(self, artifact: Artifact) -> Manifest | Absent:
        name = artifact.filename
        if name in self._manifests and name not in self._absences:
            return self._manifests[name]
        return Absent(artifact, self._absences.get(name, Absence.UNREACHABLE), "for a reason")


class Signers:
    """Who attested what, by file name; asked about anything else, they know of nothing."""

    def __init__(self, attested: Mapping[str, Attestation]) -> None:
        self._attested = attested

    def attest(
        self, claims: Sequence[tuple[Artifact, Sequence[Mapping[str, object]]]]
    ) -> list[Attestation]:
        unknown = Attestation(AttestationState.UNKNOWN, "for a reason")
        return [self._attested.get(artifact.filename, unknown) for artifact, _ in claims]
