"""Every kind of finding, defined once, in `catalogue.toml`.

`auditor explain`, docs/findings.md and every report format take their words from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomli

from auditor.model import NotChecked, Severity
from auditor.wording import did_you_mean

FAMILIES = {
    0: "lock",
    1: "distributions",
    2: "files",
    3: "native libraries",
    4: "image",
    5: "runtime",
    6: "registry",
    9: "not checked",
}
"""What the hundreds of a code mean."""

NOT_CHECKED = 9
"""The family that makes an audit incomplete, not drifted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding."""

    code: str
    name: str
    """For machines and for people: stable, lower case, hyphens."""
    title: str
    """A headline without a full stop."""
    severity: Severity
    why: str
    """Why it matters, in whole sentences."""
    fix: str
    """What to do about it, in whole sentences."""
    not_quick: NotChecked | None = None
    """What a quick audit says instead of judging it; None: a quick audit can judge it."""

    @property
    def family(self) -> int:
        """The first digit of the code: a key of `FAMILIES`."""
        return int(self.code[2])


def _read() -> tuple[dict[str, NotChecked], dict[str, Kind]]:
    """Read the catalogue: what a quick audit does not check, and all kinds by their codes."""
    tables = tomli.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    left = {what: NotChecked(what, why) for what, why in tables.pop("not-quick").items()}
    kinds = {}
    for code, table in tables.items():
        severity = Severity(table.pop("severity"))
        not_quick = left.get(table.pop("not-quick", ""))
        kinds[code] = Kind(code=code, severity=severity, not_quick=not_quick, **table)
    return left, kinds


_NOT_QUICK, KINDS = _read()
"""Every kind by its code, in the order of the codes."""

QUICK_KINDS = frozenset(code for code, kind in KINDS.items() if kind.not_quick is None)
"""Codes of the kinds that a quick audit judges."""

QUICK_NOT_CHECKED = tuple(_NOT_QUICK.values())
"""What a quick audit does not check, each once."""


def codes_hint(word: str) -> str:
    """Return a hint for a word that is no kind's code or name."""
    names = (kind.name for kind in KINDS.values())
    near = did_you_mean(word.upper(), KINDS) or did_you_mean(word.lower(), names)
    return f"{near} `auditor explain` lists them all".lstrip()


def codes_of(word: str) -> frozenset[str]:
    """Return the codes that a code, the beginning of one, or a kind's name stands for."""
    return frozenset(
        code for code, kind in KINDS.items() if code.startswith(word.upper()) or kind.name == word
    )
