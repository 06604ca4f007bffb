"""The manifest of a wheel (binary distribution format)."""

from __future__ import annotations

import posixpath
from email.parser import HeaderParser
from hashlib import sha256 as sha256_of
from typing import TYPE_CHECKING

from auditor.artifacts import archive_limits
from auditor.artifacts.manifest import ArtifactError, Manifest, Member
from auditor.artifacts.random_access import FileAccess
from auditor.artifacts.zip_content import contents
from auditor.entry_points import ENTRY_POINTS_BYTES, declared_scripts
from auditor.model import ArtifactKind
from auditor.tag_sets import MOST_TAGS, tag_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

    from auditor.artifacts.zip_directory import ZipMember

_METADATA = {
    "WHEEL": archive_limits.WHEEL_BYTES,
    "RECORD": archive_limits.METADATA_BYTES,
    "entry_points.txt": ENTRY_POINTS_BYTES,
}
"""Name -> bytes that one may have."""
_SCRIPT_BYTES = 16 << 20
_PLACEHOLDER = b"#!python"
"""First bytes of the line that an installer replaces by the interpreter's path."""


class MetadataBudget:
    """What the metadata files of one wheel, whichever folders they are in, may hold."""

    def __init__(self) -> None:
        self._left = archive_limits.METADATA_BYTES

    def take(self, member: ZipMember) -> int:
        """Return the bytes of a metadata file to keep; raises `ArtifactError` for too many."""
        if member.size > min(self._left, _METADATA[posixpath.basename(member.name)]):
            raise ArtifactError.limit(f"its {member.name[:80]!a} has {member.size} bytes")
        self._left -= member.size
        return member.size


def read_wheel(file: BinaryIO, filename: str, sha256: str) -> Manifest:
    """Read a wheel from a seekable file whose sha256 is known; raises `ArtifactError`."""
    archive = FileAccess(file)
    members: dict[str, Member] = {}
    metadata: dict[str, bytes] = {}
    budget = MetadataBudget()

    def wanted(member: ZipMember) -> int:
        """Say up to which size a member's content is looked into."""
        if is_metadata(member.name):
            # RECORD says nothing that the members do not show.
            return -1 if member.name.endswith("/RECORD") else budget.take(member)
        top, _, below = member.name.partition("/")
        return _SCRIPT_BYTES if top.endswith(".data") and below.startswith("scripts/") else -1

    for member, digest, kept in contents(archive, wanted):
        body = b""
        if kept is not None and is_metadata(member.name):
            metadata[member.name] = kept
        elif kept is not None and kept.startswith(_PLACEHOLDER):
            body = sha256_of(kept.partition(b"\n")[2]).digest()
        members[member.name] = Member(member.name, digest, member.size, body)
    return manifest_of(filename, sha256, archive.size, members, metadata)


def manifest_of(
    filename: str,
    sha256: str,
    size: int,
    members: Mapping[str, Member],
    metadata: Mapping[str, bytes],
) -> Manifest:
    """Put a wheel's manifest together from its members and metadata files, by path."""
    dist_info, data = _folders(members)
    entry_points = metadata.get(f"{dist_info}/entry_points.txt", b"").decode("utf-8", "replace")
    return Manifest(
        ArtifactKind.WHEEL,
        filename,
        sha256,
        size,
        tuple(members[path] for path in sorted(members)),
        dist_info=dist_info,
        data=data,
        tags=_tags(metadata.get(f"{dist_info}/WHEEL", b"")),
        scripts=tuple(declared_scripts(entry_points)),
    )


def _tags(content: bytes) -> tuple[str, ...]:
    """Return the `Tag` lines of a WHEEL file; raises `ArtifactError` where they are too many."""
    headers = HeaderParser().parsestr(content.decode("utf-8", "replace"), headersonly=True)
    tags = tuple(str(tag).strip() for tag in headers.get_all("Tag", []))
    if sum(map(tag_count, tags)) > MOST_TAGS:
        raise ArtifactError.limit(f"its WHEEL names more than {MOST_TAGS} tags")
    return tags


def _folders(paths: Iterable[str]) -> tuple[str, str]:
    """Return a wheel's metadata folder, and its `.data` folder or nothing."""
    tops = {top for path in paths for top, slash, _ in (path.partition("/"),) if slash}
    infos = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(infos) != 1:
        found = ", ".join(infos[:3]) or "none"
        raise ArtifactError.unreadable(f"a wheel has one metadata folder; it has {found}"[:200])
    # Installers move whatever ends so; every real wheel has at most one.
    found_data = sorted(top for top in tops if top.endswith(".data"))
    if len(found_data) > 1:
        raise ArtifactError.unreadable("a wheel has at most one .data folder; it has several")
    return infos[0], found_data[0] if found_data else ""


def is_metadata(path: str) -> bool:
    """Return whether a member is one of the metadata files that a manifest is made of."""
    folder, _, name = path.rpartition("/")
    return name in _METADATA and folder.endswith(".dist-info") and "/" not in folder
