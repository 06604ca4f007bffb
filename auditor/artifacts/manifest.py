"""What a locked artifact contains, without its bytes.

A manifest is made once from a wheel or sdist whose hashes were verified, and kept under its
sha256. It holds what comparing an installation needs and nothing of who asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from auditor.model import ArtifactKind

if TYPE_CHECKING:
    from typing import Self

    from auditor.model import Artifact


class Member(NamedTuple):
    """One regular file of an artifact.

    A tuple, since a lock's artifacts have tens of thousands of them.
    """

    path: str
    """In a wheel as the archive has it; in an sdist without its top folder."""
    sha256: bytes
    """Empty where the artifact was only indexed and its RECORD says nothing of the member."""
    size: int
    body: bytes = b""
    """Of a `.data/scripts/` member whose first line an installer rewrites (`#!python`,
    binary distribution format): the sha256 of what follows that line."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The members of one artifact and what its metadata says of them."""

    kind: ArtifactKind
    filename: str
    sha256: str
    """Lower-case hex; of an artifact that was only indexed, as the lock says it."""
    size: int
    members: tuple[Member, ...]
    """By path."""
    verified: bool = True
    """False where only its central directory and RECORD were read (degree `indexed`)."""
    dist_info: str = ""
    """Of a wheel: the name of its metadata folder."""
    data: str = ""
    """Of a wheel: the name of its `.data` folder; empty where it has none."""
    tags: tuple[str, ...] = ()
    """Of a wheel: the `Tag` lines of its WHEEL file."""
    scripts: tuple[tuple[str, str], ...] = ()
    """Of a wheel: name and `module:attribute` of each script that installers make."""


def kind_of(filename: str) -> ArtifactKind:
    """Return what an artifact is read as: the name decides, since the same bytes may be both."""
    return ArtifactKind.WHEEL if filename.lower().endswith(".whl") else ArtifactKind.SDIST


class Absence(StrEnum):
    """Why there is no manifest of a locked artifact."""

    UNREACHABLE = "unreachable"
    """No place has it (LI903)."""
    MISMATCH = "mismatch"
    """What was found has another size or hash than the lock says (LI907)."""
    UNREADABLE = "unreadable"
    """It is the locked file, and cannot be read as an archive (LI901)."""
    LIMIT = "limit"
    """It is larger than the auditor reads (LI906)."""
    OFFLINE = "offline"
    """It is not cached, and no server may be asked (not a finding)."""
    UNHASHED = "unhashed"
    """The lock has no hash to verify it by (LI001 says so)."""


class Absent(NamedTuple):
    """A locked artifact that nothing can be compared with."""

    artifact: Artifact
    absence: Absence
    why: str
    """A clause for a sentence, without credentials."""


class ArtifactError(Exception):
    """An artifact that cannot be had or read; `why` is a clause that fits behind its name."""

    def __init__(self, absence: Absence, why: str) -> None:
        super().__init__(why)
        self.absence = absence
        self.why = why

    @classmethod
    def unreachable(cls, why: str) -> Self:
        """Return the error for a place that does not have it, or not in full."""
        return cls(Absence.UNREACHABLE, why)

    @classmethod
    def unreadable(cls, why: str) -> Self:
        """Return the error for bytes that are not what their format says."""
        return cls(Absence.UNREADABLE, why)

    @classmethod
    def limit(cls, why: str) -> Self:
        """Return the error for an artifact that is larger than the auditor reads."""
        return cls(Absence.LIMIT, why)

    def absent(self, artifact: Artifact) -> Absent:
        """Return what becomes of it in the end."""
        return Absent(artifact, self.absence, self.why)


def checked_name(name: str) -> str:
    """Return the name of a member; raises `ArtifactError` where it is no plain relative path.

    A name that leads elsewhere, or that two readers take for two different paths, has no place
    in an artifact that somebody installs.
    """
    parts = name.split("/")
    if "\0" in name or "\\" in name or ".." in parts or "" in parts or "." in parts:
        raise ArtifactError.unreadable(f"a member's name is no plain relative path: {name[:80]!a}")
    return name
