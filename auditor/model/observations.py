"""What stages and rules note for the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule saw. The runner stamps the kind on it."""

    subject: str
    """The thing at fault: a distribution's name, else a path, else an instruction."""
    message: str
    """One sentence, without the subject's repetition where it can be avoided."""
    path: str | None = None
    environment: str | None = None
    """Prefix of the environment it is about."""
    expected: str | None = None
    actual: str | None = None
    lock_line: int | None = None
    layer: int | None = None
    """Index of the layer to blame, where it is not the one that holds `path` now."""


@dataclass(frozen=True, slots=True)
class PolicyNote:
    """An entry of the policy that does nothing (any more), and why."""

    entry: str
    """`[[ignore]] LI103 requests`."""
    why: str
    path: str | None
    """The file that holds it, as shown, and its `line` there."""
    line: int | None
