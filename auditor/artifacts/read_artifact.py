"""A locked artifact's bytes as a manifest: all of them, or only what a wheel says of itself."""

from __future__ import annotations

import csv
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Member, kind_of
from auditor.artifacts.manifest_format import StoredManifest
from auditor.artifacts.sdist import read_sdist
from auditor.artifacts.wheel import MetadataBudget, is_metadata, manifest_of, read_wheel
from auditor.artifacts.zip_content import member_content
from auditor.artifacts.zip_directory import read_directory
from auditor.model import ArtifactKind
from auditor.record_rows import parse_hash, record_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from auditor.artifacts.random_access import RandomAccess
    from auditor.model import Artifact


def read_artifact(file: BinaryIO, filename: str, digests: Mapping[str, str]) -> StoredManifest:
    """Read a wheel, an sdist or an archive, told apart by the name; raises `ArtifactError`.

    `digests` are those of its bytes, by algorithm.
    """
    read = read_wheel if kind_of(filename) is ArtifactKind.WHEEL else read_sdist
    return StoredManifest(read(file, filename, digests["sha256"]), digests)


def index_wheel(archive: RandomAccess, artifact: Artifact) -> StoredManifest:
    """Return the manifest of a wheel by its central directory and RECORD, read without the rest.

    The artifact itself is not verified that way: its manifest is marked so (degree `indexed`).
    A member that RECORD does not list has no digest: its `sha256` is empty. Raises
    `ArtifactError`.
    """
    directory = read_directory(archive)
    metadata: dict[str, bytes] = {}
    budget = MetadataBudget()
    for member, end in directory:
        if is_metadata(member.name):
            budget.take(member)
            metadata[member.name] = member_content(archive, member, end)
    record = next((text for name, text in metadata.items() if name.endswith("/RECORD")), b"")
    recorded = parse_record(record)
    members = {
        each.name: Member(each.name, recorded.get(each.name, b""), each.size)
        for each, _ in directory
    }
    sha256 = artifact.hashes.get("sha256", "")
    manifest = manifest_of(artifact.filename, sha256, archive.size, members, metadata)
    return StoredManifest(replace(manifest, verified=False), {})


def parse_record(content: bytes) -> Mapping[str, bytes]:
    """Return path -> sha256 of the rows that have one."""
    found = {}
    with suppress(csv.Error):
        for fields in record_rows(content):
            algorithm, digest, _ = parse_hash(fields[1] if len(fields) > 1 else "")
            if algorithm == "sha256":
                found[fields[0]] = digest
    return found
