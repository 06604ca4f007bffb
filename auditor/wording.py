"""Words for messages: amounts, lists that end, and foreign text on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 200
"""Characters kept of a foreign message, whose end says less than its beginning."""


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return `text` on one line, control characters escaped, cut where it is too long."""
    # Four times as much is looked at, so that a flood of white space costs nothing.
    flat = " ".join(text[: 4 * longest].split())
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in flat)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def plural(number: int, noun: str) -> str:
    """Return `1 file`, `1,200 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def human_bytes(size: int) -> str:
    """Return a size in decimal units: `999 B`, `1.8 GB`."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    decimals = 0 if units[0] == "B" or value >= 99.5 else 1
    return f"{value:.{decimals}f} {units[0]}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question `did you mean X?` for an unknown word; empty where none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 -- for mistakes alone

    near = get_close_matches(word, sorted(known), 1)
    return f"did you mean {near[0]}?" if near else ""


def and_more(names: Iterable[str], limit: int, separator: str = ", ") -> str:
    """Return `a, b and 3 more`: the first `limit` names, and how many there are beside them."""
    several = list(names)
    listed, left = separator.join(several[:limit]), len(several) - limit
    if left <= 0:
        return listed
    return f"{listed}{'' if separator == ', ' else separator.rstrip()} and {left:,} more"
