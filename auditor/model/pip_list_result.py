"""The result of `pip list` inside the image."""

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
    """What `pip list` inside the image printed, or why it could not run."""

    packages: tuple[PipListRow, ...] = ()
    failure: str | None = None
    """A clause after "pip list could not run:", None where it ran."""
