"""What the project decides about findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model.grades import Degree, Severity


@dataclass(frozen=True, slots=True)
class IgnoreEntry:
    """Findings that the policy sets aside (`[[ignore]]`)."""

    code: str
    """A code, the beginning of some codes, or a kind's name, as in the configuration."""
    codes: frozenset[str]
    """The codes that it stands for."""
    subject: str
    """Glob over a finding's subject; `*` matches slashes too."""
    reason: str
    path: str | None = None
    """Glob over a finding's path; None: any."""
    until: date | None = None
    """The last day on which it applies."""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class DeclaredNative:
    """A native build that no lock can name and the policy accepts (`[[native]]`).

    At least one of `path` and `soname` is given, and one of `sha256` and `build_id`; where
    both are, both count.
    """

    source: str
    """What it was built from, for people."""
    reason: str
    path: str | None = None
    """Absolute, in the image."""
    soname: str | None = None
    sha256: str | None = None
    """Of the file, hexadecimal."""
    build_id: str | None = None
    """Hexadecimal."""
    line: int | None = None

    def difference(self, sha256: str | None, build_id: str | None) -> tuple[str, str] | None:
        """Return what is declared and what was found where the two differ; None where not.

        A build-id that is declared and that the file does not have differs as well.
        """
        for label, wanted, found in (
            ("sha256", self.sha256, sha256),
            ("build-id", self.build_id, build_id),
        ):
            if wanted is not None and wanted != found:
                return f"{label} {wanted}", f"{label} {found}" if found else f"no {label}"
        return None


class Requirement(NamedTuple):
    """How much evidence the policy requires (`[require]`)."""

    name: str
    """Glob over normalised names of distributions."""
    degree: Degree
    line: int | None = None
    """Of the configuration."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the project decided about findings, as its configuration file says it."""

    ignores: tuple[IgnoreEntry, ...] = ()
    natives: tuple[DeclaredNative, ...] = ()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Code -> severity, in place of the kind's own."""
    requirements: tuple[Requirement, ...] = ()
    """The first one that fits a package applies to it."""
    today: date = date.max
    """The day of the audit, which alone decides what has expired; by default everything has."""
    path: str | None = None
    """The configuration file, as shown."""
