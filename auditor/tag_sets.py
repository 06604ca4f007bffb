"""Compressed tag sets (PEP 425): one text means every combination of its parts.

`py2.py3-none-any` is two tags. To expand one is to build them all, so three parts of some hundred
members each would fill the memory: they are counted first.
"""

from __future__ import annotations

import math

MOST_TAGS = 1_000
"""Tags that one wheel may have; real ones have less than a hundred."""


def tag_count(text: str) -> int:
    """Return how many tags a text means, without expanding it."""
    return math.prod(part.count(".") + 1 for part in text.split("-"))
