"""The manifest of an sdist, or of another archive of sources that a lock names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Manifest, Member
from auditor.artifacts.random_access import FileAccess
from auditor.artifacts.tar_members import tar_members
from auditor.artifacts.zip_content import contents
from auditor.model import ArtifactKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

_ZIP = (b"PK\3\4", b"PK\5\6")


def read_sdist(file: BinaryIO, filename: str, sha256: str) -> Manifest:
    """Read a tar archive (packed by gzip, bzip2, xz or not at all) or a zip archive.

    From a seekable file whose sha256 is known; raises `ArtifactError`.
    """
    access = FileAccess(file)
    members = _zip_members(access) if access.read(0, 4) in _ZIP else tar_members(file, access.size)
    found = sorted(_without_top(members).values())
    return Manifest(ArtifactKind.SDIST, filename, sha256, access.size, tuple(found))


def _zip_members(access: FileAccess) -> dict[str, Member]:
    return {
        member.name: Member(member.name, digest, member.size)
        for member, digest, _ in contents(access, lambda _: -1)
    }


def _without_top(members: Mapping[str, Member]) -> dict[str, Member]:
    """Leave out the folder that everything is in, where there is one ("Source distribution")."""
    tops = {path.partition("/")[0] for path in members}
    if len(tops) != 1 or not all("/" in path for path in members):
        return dict(members)
    short = {path.partition("/")[2]: member for path, member in members.items()}
    return {path: member._replace(path=path) for path, member in short.items()}
