"""Why an artifact has no manifest, as an exception that becomes an `Absent`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Absence

if TYPE_CHECKING:
    from typing import Self


class ArtifactError(Exception):
    """An artifact that cannot be had or read; `why` is a clause that fits behind its name."""

    def __init__(self, absence: Absence, why: str) -> None:
        super().__init__(why)
        self.absence = absence
        self.why = why

    @classmethod
    def unreadable(cls, why: str) -> Self:
        """Return the error for bytes that are not what their format says."""
        return cls(Absence.UNREADABLE, why)

    @classmethod
    def limit(cls, why: str) -> Self:
        """Return the error for an artifact that is larger than the auditor reads."""
        return cls(Absence.LIMIT, why)
