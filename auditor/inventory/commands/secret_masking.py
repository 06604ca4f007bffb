"""Texts of commands as a report shows them: without the passwords and tokens in them."""

from __future__ import annotations

import re

_MASK = "***"
_GUARDED = r"[\w-]*(?:passw(?:or)?d|secret|token|api[_-]?key|credentials?|auth(?!or))[\w-]*"
_SECRETS = (
    (re.compile(r"://[^\s/@'\"]+@"), f"://{_MASK}@"),
    (re.compile(r"(?i)(\bauthorization:\s*\w+\s+)[^\s'\"]+"), rf"\1{_MASK}"),
    (
        re.compile(
            rf"(?i)((?:\b{_GUARDED}=|--{_GUARDED}[ =]))"
            r"(?:'[^']*'|\"[^\"]*\"|[^\s$&;|'\"]+)"
        ),
        rf"\1{_MASK}",
    ),
)
"""What must not stand in a report -> what stands there instead."""
_LONGEST_COMMAND = 120


def mask_secrets(text: str) -> str:
    """Return a text with a mask for each password and token in it."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def excerpt(*words: str, most: int = _LONGEST_COMMAND) -> str:
    """Return a command on one line of at most so many characters, secrets masked."""
    line = mask_secrets(" ".join(" ".join(words).split()))
    return line if len(line) <= most else f"{line[: most - 3]}..."
