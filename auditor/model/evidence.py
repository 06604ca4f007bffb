"""How far an installation could be compared with what is locked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from auditor.model.grades import Degree
    from auditor.model.inventory import Distribution
    from auditor.model.locked import Artifact


class FileState(StrEnum):
    """How an installed file compares with its RECORD or the locked artifact."""

    INTACT = "intact"
    MODIFIED = "modified"
    MISSING = "missing"
    UNPROVEN = "unproven"
    """Present, and nothing to compare it with."""
    UNREADABLE = "unreadable"
    UNLISTED = "unlisted"
    """Other than in the locked artifact, although RECORD agrees with it: the installation is
    consistent in itself, and not the locked one."""
    ADDED = "added"
    """RECORD lists it, and the locked artifact has nothing like it."""
    SCRIPT = "script"
    """Instead of a script that installers generate, and not as they would write it."""
    BUILT = "built"
    """Made while the locked sdist was built, which does not hold it."""


class FileCheck(NamedTuple):
    """One installed file against its owner's record of it, or against the locked artifact."""

    path: str
    state: FileState
    expected: str = ""
    actual: str = ""


class IdentityKind(StrEnum):
    """What an installation is that is not the locked artifact."""

    OTHER_PLATFORM = "other platform"
    """A wheel that this Python or platform does not take."""
    OTHER_ARTIFACT = "other artifact"
    """Complete and consistent in itself: a wheel that the lock does not list."""
    LOCAL_BUILD = "local build"
    COPY = "copy"
    """The locked artifact, but for some files."""


class Identity(NamedTuple):
    """What an installation claims to be: a kind, and a clause for a message."""

    kind: IdentityKind
    clause: str


@dataclass(frozen=True, slots=True)
class Proof:
    """How far one installed distribution could be compared, and with what result."""

    distribution: Distribution
    degree: Degree
    files: tuple[FileCheck, ...] = ()
    """Every file but the intact ones, sorted by path."""
    checked: int = 0
    """Files compared or looked for, and `size` the bytes of those that are there."""
    size: int = 0
    bytecode: int = 0
    """Compiled files present, none of them compared."""
    artifact: Artifact | None = None
    """The locked artifact that it equals or, below `proven`, that it names."""
    against: str = ""
    """File name of the locked artifact that the files were compared with; empty: RECORD."""
    identity: Identity | None = None
    """What it is, where it is known to be no locked artifact."""


class AttestationState(StrEnum):
    """The outcome of looking for an attestation by the identities that the lock names."""

    VERIFIED = "verified"
    REFUSED = "refused"
    """There are attestations, and none of them is by these identities (LI907)."""
    UNKNOWN = "unknown"
    """There is none, or none that could be fetched and verified (LI903)."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """Whether the installed artifact was attested by the identities that the lock names."""

    attested: AttestationState
    why: str = ""
    """A clause that fits behind the artifact's name; empty where it was verified."""
    found: str | None = None
    """Who attested it, in words; None where no signature holds."""
