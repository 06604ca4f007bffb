"""Compressed tag sets (PEP 425): one text stands for each combination of its parts.

`py2.py3-none-any` is two tags. Whoever expands one builds them all, so three parts of some
hundred members each would fill the memory: they are counted first.
"""

from __future__ import annotations

import math

MOST_TAGS = 1_000
"""Tags that one wheel may be for; real ones are for less than a hundred."""


def tag_count(text: str) -> int:
    """Return how many tags a text stands for, without expanding it."""
    return math.prod(part.count(".") + 1 for part in text.split("-"))
