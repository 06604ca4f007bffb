"""Fingerprints that stay the same from one release of an image to the next."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.model import Observation

_GENERALISED = (
    (re.compile(r"(python|pypy)3\.\d+t?"), r"\1X.Y"),
    (re.compile(r"\.so(\.\d+)+"), ".so.N"),
    (re.compile(r"(cpython|pypy)-?3\d+t?"), r"\1-XY"),
    (re.compile(r"([=~<>!]=)[\w.!*+-]+"), r"\1V"),
    (re.compile(r"-[^/-]+(?:-py\d[^/]*)?\.(dist|egg)-info"), r".\1-info"),
)
"""What a new Python, library or version of a distribution changes in a path or an instruction."""


def fingerprints(observations: Iterable[tuple[str, Observation]]) -> Iterator[str]:
    """Yield a fingerprint of 16 hex digits for each code and observation, in their order.

    No version, digest, line number or image takes part. Where two observations come out alike,
    their ordinal tells them apart.
    """
    seen: Counter[str] = Counter()
    for code, observation in observations:
        fields = (code, observation.subject, observation.environment, observation.path)
        text = "\0".join(generalised(field or "") for field in fields)
        ordinal = seen[text]
        seen[text] += 1
        whole = f"{text}\0{ordinal}" if ordinal else text
        yield hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def generalised(text: str) -> str:
    """Return a subject or path without the versions of Python, libraries and distributions."""
    for pattern, replacement in _GENERALISED:
        text = pattern.sub(replacement, text)
    return text
