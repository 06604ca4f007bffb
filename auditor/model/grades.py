"""How much a finding weighs, what an audit concludes, how sure a comparison is."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs; the words are SARIF's own levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Verdict(StrEnum):
    """What an audit that took place concludes."""

    CONSISTENT = "consistent"
    DRIFT = "drift"
    INCOMPLETE = "incomplete"


class Degree(StrEnum):
    """How sure it is that an installed distribution is the locked one, best first."""

    PROVEN = "proven"
    BUILT = "built"
    INDEXED = "indexed"
    ORIGIN = "origin"
    RECORDED = "recorded"
    VERSION = "version"
    NONE = "none"
