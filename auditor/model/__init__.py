"""The nouns that the stages share.

Everything here is frozen: a stage takes nouns and gives new ones. Paths inside an image are
absolute POSIX strings (`/opt/venv/bin/python`), normalised, without a trailing slash; bytes
that are not UTF-8 stand in them as surrogate escapes until a report prints them.
Sizes are bytes. Digests are written `sha256:<hex>` where the image specifications do so.
"""

from __future__ import annotations

from auditor.model.evidence import (
    Attestation,
    AttestationState,
    FileCheck,
    FileState,
    Identity,
    IdentityKind,
    Proof,
)
from auditor.model.grades import Degree, Severity, Verdict
from auditor.model.image import (
    Elf,
    ElfType,
    Entry,
    FileType,
    Hidden,
    HistoryEntry,
    Image,
    ImageConfig,
    Layer,
    NotChecked,
    Platform,
    Problem,
    Rootfs,
    UnreadableError,
)
from auditor.model.inventory import (
    DirectUrl,
    Distribution,
    Environment,
    Interpreter,
    Inventory,
    Libc,
    MetadataKind,
    OsFile,
    OsPackages,
    OtherPlatform,
    Owner,
    OwnerKind,
    PathEntry,
    PathOrigin,
    Record,
    RecordRow,
    Target,
)
from auditor.model.locked import (
    Artifact,
    ArtifactKind,
    Directory,
    Expectation,
    LockedPackage,
    LockMismatch,
    Unselected,
    Vcs,
)
from auditor.model.observations import Observation, PolicyNote
from auditor.model.pip_list_result import PipListResult, PipListRow
from auditor.model.policy import DeclaredNative, IgnoreEntry, Policy, Requirement

__all__ = [
    "Artifact",
    "ArtifactKind",
    "Attestation",
    "AttestationState",
    "DeclaredNative",
    "Degree",
    "DirectUrl",
    "Directory",
    "Distribution",
    "Elf",
    "ElfType",
    "Entry",
    "Environment",
    "Expectation",
    "FileCheck",
    "FileState",
    "FileType",
    "Hidden",
    "HistoryEntry",
    "Identity",
    "IdentityKind",
    "IgnoreEntry",
    "Image",
    "ImageConfig",
    "Interpreter",
    "Inventory",
    "Layer",
    "Libc",
    "LockMismatch",
    "LockedPackage",
    "MetadataKind",
    "NotChecked",
    "Observation",
    "OsFile",
    "OsPackages",
    "OtherPlatform",
    "Owner",
    "OwnerKind",
    "PathEntry",
    "PathOrigin",
    "PipListResult",
    "PipListRow",
    "Platform",
    "Policy",
    "PolicyNote",
    "Problem",
    "Proof",
    "Record",
    "RecordRow",
    "Requirement",
    "Rootfs",
    "Severity",
    "Target",
    "UnreadableError",
    "Unselected",
    "Vcs",
    "Verdict",
]
