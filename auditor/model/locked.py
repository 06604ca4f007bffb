"""The entries of a lock, and what it selects for one image."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.version import Version

    from auditor.model.image import Problem


class ArtifactKind(StrEnum):
    """The kinds of file that a lock names."""

    WHEEL = "wheel"
    SDIST = "sdist"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that the lock names for a distribution, with its hashes."""

    kind: ArtifactKind
    filename: str
    hashes: Mapping[str, str]
    """Algorithm as `hashlib` names it -> lower-case hex digest."""
    size: int | None = None
    url: str | None = None
    path: str | None = None
    """Relative to the lock file, where the lock has a `path`."""
    index: str | None = None
    """The index that the lock names for it."""


@dataclass(frozen=True, slots=True)
class Vcs:
    """A locked commit (`packages.vcs`)."""

    type: str
    location: str
    commit_id: str
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """A locked source directory (`packages.directory`)."""

    path: str
    editable: bool
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One `[[packages]]` entry that the image's environment selects."""

    name: str
    """Normalised."""
    version: Version | None
    """None for source trees, which have no version in a lock."""
    line: int | None
    """Line of its `[[packages]]` header in the lock file, from 1."""
    artifacts: tuple[Artifact, ...] = ()
    """Those that fit the image, the installer's first choice first; then the sdist."""
    vcs: Vcs | None = None
    directory: Directory | None = None
    attestation_identities: tuple[Mapping[str, object], ...] = ()
    """The publishers that must have attested some of its files (PEP 751)."""


@dataclass(frozen=True, slots=True)
class Unselected:
    """A locked entry that this audit's extras, groups or markers leave out."""

    name: str
    version: Version | None
    line: int | None
    why: str
    """`group dev`, `extra gpu`, `marker sys_platform == 'win32'`: part of a sentence."""
    optional: bool
    """True where another choice of extras or groups would select it."""


@dataclass(frozen=True, slots=True)
class LockMismatch:
    """Why the lock, or one package of it, is not for this platform or Python (LI002)."""

    subject: str
    """The package's name, or the lock's file name."""
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the lock says should be in one environment."""

    packages: Mapping[str, LockedPackage]
    unselected: Mapping[str, tuple[Unselected, ...]] = field(default_factory=dict)
    mismatches: tuple[LockMismatch, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Entries whose marker cannot be decided from an image: neither expected nor extra."""

    @property
    def undecided(self) -> frozenset[str]:
        """The names of those entries."""
        return frozenset(problem.subject for problem in self.problems)
