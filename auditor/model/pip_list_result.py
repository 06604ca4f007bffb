"""What `pip list` inside the image says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PipListRow:
    """One row of `pip list --format json`."""

    name: str
    """Normalised."""
    version: str
    editable_location: str | None = None


@dataclass(frozen=True, slots=True)
class PipListResult:
    """What `pip list` inside the image said, or why it could not be asked."""

    packages: tuple[PipListRow, ...] = ()
    failure: str | None = None
    """A clause after "pip list could not run:", None where it ran."""
