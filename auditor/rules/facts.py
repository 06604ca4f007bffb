"""What the rules are applied to: the results of all stages before them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.evidence.bytecode.bytecode_check import Bytecode
from auditor.evidence.shadowing import Shadowing
from auditor.inventory.native.libraries import NativeLibraries
from auditor.inventory.ownership.os_file_changes import OsComparison
from auditor.inventory.python.startup_files import Startup
from auditor.model import Observation, Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.artifacts.manifest import Absent
    from auditor.evidence import Installation
    from auditor.inventory.embedded_locks import EmbeddedLock
    from auditor.inventory.ownership.file_ownership import FileOwnership
    from auditor.inventory.ownership.unowned_files import UnownedFile
    from auditor.model import (
        Attestation,
        Degree,
        Environment,
        Expectation,
        Image,
        Inventory,
        OtherPlatform,
        PipListResult,
        Proof,
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that one audit knows before its rules are applied."""

    image: Image
    inventory: Inventory
    expectation: Expectation
    installed: Mapping[str, Installation]
    """The runtime environment's, by normalised name."""
    proofs: Mapping[str, Proof]
    """By normalised name, for every installation."""
    ownership: FileOwnership
    """The owner of each file."""
    bytecode: Bytecode = field(default_factory=Bytecode)
    """Compiled files against their sources."""
    start: Startup = field(default_factory=Startup)
    """What runs before any program."""
    shadowing: Shadowing = field(default_factory=Shadowing)
    """What is imported in place of locked distributions."""
    unowned_code: tuple[UnownedFile, ...] = ()
    """What the runtime can import and has no owner."""
    unowned_programs: tuple[tuple[str, str], ...] = ()
    """Programs without an owner: where they are found, and their real path."""
    os_comparison: OsComparison = field(default_factory=OsComparison)
    """What the operating system's own files were compared with."""
    pip_list: PipListResult | None = None
    """None where it was not to be run."""
    python_version_file: tuple[str, str] | None = None
    """Path as shown and version of the `.python-version` beside the lock."""
    own: frozenset[str] = frozenset()
    """Normalised names of the project's own distributions."""
    policy: Policy = field(default_factory=Policy)
    absent: Mapping[str, tuple[Absent, ...]] = field(default_factory=dict)
    """By normalised name: the locked artifacts that could not be compared with."""
    compared_artifacts: bool = False
    """False where the locked artifacts were not to be fetched."""
    required: Mapping[str, Degree] = field(default_factory=dict)
    """By normalised name: the least evidence that is required."""
    attested: Mapping[str, Attestation] | None = None
    """By normalised name: the outcome of verifying; None where it was not to be."""
    natives: NativeLibraries = field(default_factory=NativeLibraries)
    locked_hashes: Mapping[str, str] = field(default_factory=dict)
    """sha256 -> file name of every artifact that the lock lists, selected or not."""
    embedded: tuple[EmbeddedLock, ...] = ()
    """Locks in the image that are called like the audited one and differ from it."""
    base_layers: int = 0
    """How many of the image's lowest layers are those of the base that the caller named."""
    others: tuple[OtherPlatform, ...] | None = None
    """Its other platforms; None where they were not to be compared."""

    @property
    def runtime(self) -> Environment | None:
        """The environment that is compared with the lock."""
        return self.inventory.runtime

    @property
    def prefix(self) -> str | None:
        """The directory of that environment, for an observation."""
        return self.runtime.prefix if self.runtime else None

    def lock_line(self, name: str) -> int | None:
        """Return where the lock has a package; None where it is not selected."""
        package = self.expectation.packages.get(name)
        return package.line if package else None

    def locked_version(self, name: str) -> str | None:
        """Return the version that the lock selects; None without one."""
        package = self.expectation.packages.get(name)
        return str(package.version) if package and package.version else None

    def about(
        self,
        subject: str,
        message: str,
        path: str | None = None,
        *,
        expected: str | None = None,
        actual: str | None = None,
    ) -> Observation:
        """Return an observation about a distribution or a file of the runtime environment."""
        return Observation(
            subject, message, path, self.prefix, expected, actual, self.lock_line(subject)
        )


def why_not_comparable(inventory: Inventory, expectation: Expectation) -> str:
    """Return why installed distributions cannot be compared with the lock; empty where they can."""
    runtime = inventory.runtime
    if runtime is not None and runtime.unusable_reason and not runtime.distributions:
        return f"the runtime environment cannot run: {runtime.unusable_reason}"
    if inventory.interpreter is None:
        return "no interpreter was found for which to select from the lock"
    return "the lock is not for this platform or Python" if expectation.mismatches else ""
