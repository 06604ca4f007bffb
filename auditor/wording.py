"""Foreign words fit for one line of ours: what engines and programs in images print."""

from __future__ import annotations

LONGEST = 200
"""Characters kept of a foreign message; its end says less than its beginning."""


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return `text` on one line, control characters escaped, cut where it is too long."""
    # Four times as much is looked at, so that a flood of white space costs nothing.
    flat = " ".join(text[: 4 * longest].split())
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in flat)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
