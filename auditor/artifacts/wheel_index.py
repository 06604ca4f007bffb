"""The manifest of a wheel by its own central directory and RECORD, read without the rest.

The artifact itself is not verified that way: its manifest is marked so (degree `indexed`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Member
from auditor.artifacts.wheel import MetadataBudget, is_metadata, manifest_of
from auditor.artifacts.wheel_metadata import parse_record
from auditor.artifacts.zip_content import member_content
from auditor.artifacts.zip_directory import read_directory

if TYPE_CHECKING:
    from auditor.artifacts.manifest import Manifest
    from auditor.artifacts.random_access import RandomAccess
    from auditor.model import Artifact


def index_wheel(archive: RandomAccess, artifact: Artifact) -> Manifest:
    """Return the manifest of a wheel by its own RECORD; raises `ArtifactError`.

    A member that RECORD does not list has no digest: its `sha256` is empty.
    """
    directory = read_directory(archive)
    ends = [*(member.offset for member in directory.members[1:]), directory.start]
    metadata: dict[str, bytes] = {}
    budget = MetadataBudget()
    for member, end in zip(directory.members, ends, strict=True):
        if is_metadata(member.name):
            budget.take(member)
            metadata[member.name] = member_content(archive, member, end)
    record = next((text for name, text in metadata.items() if name.endswith("/RECORD")), b"")
    recorded = parse_record(record)
    members = {
        each.name: Member(each.name, recorded.get(each.name, b""), each.size)
        for each in directory.members
    }
    sha256 = artifact.hashes.get("sha256", "")
    manifest = manifest_of(artifact.filename, sha256, archive.size, members, metadata)
    return replace(manifest, verified=False)
